"""Identifiers that are empty, huge, broken, or spelled in several ways: normalised or refused, never two customers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.identifiers import Reader, address
from ingest.settings import IdentitySettings
from store.memory import MemoryStore
from stream.metrics import WorkerMetrics
from stream.worker import Worker
from tests.ingest.service import KEY, TILL_KEY, Service
from tests.stream.test_worker import MODEL, SETTINGS

RECEIPT = {"receipt_id": "1", "store_id": "s", "sold_at": "2026-03-01T10:00:00Z", "total": 1, "currency": "EUR"}
BLANK = ["", " ", "\u00a0\u2003", "\u200b", "\ufeff", "\u200b \u2060", "\u202e"]
NUL = ["\0", "a\0b", "a\0", "jose\u0301\0"]
LONG = ["x" * 257, "\u00e9" * 129, "x" * 30_000]

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
Send = Callable[[Any], tuple[str, dict[str, Any]]]
FIELDS: dict[str, Send] = {
    "user": lambda value: ("/v1/identify", {"userId": value}),
    "device": lambda value: ("/v1/page", {"anonymousId": value}),
    "loyalty_card": lambda value: ("/v1/identify", {"traits": {"loyalty_card": value}}),
    "loyaltyCard": lambda value: ("/v1/track", {"event": "X", "context": {"traits": {"loyaltyCard": value}}}),
    "externalIds": lambda value: (
        "/v1/track", {"event": "X", "context": {"externalIds": [{"type": "loyalty_card", "id": value}]}},
    ),
    "email": lambda value: ("/v1/identify", {"traits": {"email": value and f"{value}@x.it"}}),
    "phone": lambda value: ("/v1/identify", {"traits": {"phone": value and f"+39333123456{value}"}}),
}  # fmt: skip
RECEIPT_FIELDS: dict[str, Send] = {
    "receipt's user": lambda value: ("/v1/receipts", {**RECEIPT, "customer": {"user_id": value}}),
    "receipt's card": lambda value: ("/v1/receipts", {**RECEIPT, "customer": {"loyalty_card": value}}),
    "receipt's email": lambda value: ("/v1/receipts", {**RECEIPT, "customer": {"email": value and f"{value}@x.it"}}),
}
KEY_PARTS: dict[str, Send] = {
    name: lambda value, name=name: ("/v1/receipts", {**RECEIPT, name: value})
    for name in ("receipt_id", "store_id", "till_id")
} | {"refers_to": lambda value: ("/v1/receipts", {**RECEIPT, "kind": "void", "refers_to": value})}


async def sent(service: Service, path: str, item: dict[str, Any]) -> str:
    """The code that the only item is refused with, which is in the dead letters, too; ``""`` when it was accepted."""
    answer = await service.post(path, item, key=TILL_KEY if path == "/v1/receipts" else KEY)
    code = answer.json().get("code") or (answer.json().get("rejected") or [{"code": ""}])[0]["code"]
    assert [one.code for one in await service.refused()] == ([code] if code else [])
    return str(code)


async def identifiers(service: Service) -> list[tuple[str, ...]]:
    return [one.identifiers for one in await service.touchpoints()]


@pytest.mark.parametrize("value", BLANK, ids=ascii)
@pytest.mark.parametrize("field", [name for name in FIELDS if name not in ("email", "phone")])
async def test_an_identifier_of_nothing_visible_is_none(service: Service, field: str, value: str) -> None:
    assert await sent(service, *FIELDS[field](value)) == "missing_identifier"


@pytest.mark.parametrize("value", ["", " ", "@", "@x.it", "ada@", "\u200b@x.it", "ada", "a b@x.it", "a@b@c"], ids=ascii)
async def test_an_email_that_is_no_address_is_no_identifier(service: Service, value: str) -> None:
    assert await sent(service, "/v1/identify", {"traits": {"email": value}}) == "missing_identifier"


@pytest.mark.parametrize("value", BLANK, ids=ascii)
@pytest.mark.parametrize("field", [name for name in RECEIPT_FIELDS if name != "receipt's email"])
async def test_a_receipt_whose_customer_is_nothing_visible_names_nobody(
    service: Service, field: str, value: str
) -> None:
    assert await sent(service, *RECEIPT_FIELDS[field](value)) == ""
    assert await identifiers(service) == [("receipt:s//2026-03-01/1",)]


@pytest.mark.parametrize("value", [*NUL, *LONG], ids=lambda value: ascii(value[:20]))
@pytest.mark.parametrize("field", [*FIELDS, *RECEIPT_FIELDS])
async def test_an_identifier_with_nul_or_too_long_is_refused(service: Service, field: str, value: str) -> None:
    assert await sent(service, *(FIELDS | RECEIPT_FIELDS)[field](value)) == "invalid_identifier"


@pytest.mark.parametrize("value", [*NUL, *LONG], ids=lambda value: ascii(value[:20]))
@pytest.mark.parametrize("part", KEY_PARTS)
async def test_a_part_of_a_receipts_key_with_nul_or_too_long_is_refused(
    service: Service, part: str, value: str
) -> None:
    assert await sent(service, *KEY_PARTS[part](value)) == "invalid_identifier"


@pytest.mark.parametrize("value", [*NUL, *LONG], ids=lambda value: ascii(value[:20]))
@pytest.mark.parametrize("field", ["previousId", "messageId", "groupId"])
async def test_the_other_ids_of_a_message_with_nul_or_too_long_are_refused(
    service: Service, field: str, value: str
) -> None:
    item = {"userId": "u", "previousId": "p", "groupId": "g", field: value}
    assert await sent(service, "/v1/group" if field == "groupId" else "/v1/alias", item) == "invalid_identifier"


@pytest.mark.parametrize("value", BLANK, ids=ascii)
async def test_an_alias_of_nothing_visible_aliases_nobody(service: Service, value: str) -> None:
    assert await sent(service, "/v1/alias", {"userId": "u", "previousId": value}) in ("missing_field", "")
    assert await identifiers(service) in ([], [("user:u",)])


@pytest.mark.parametrize("field", [*FIELDS, *RECEIPT_FIELDS, *KEY_PARTS])
async def test_an_identifier_of_a_megabyte_is_refused_and_costs_its_neighbours_nothing(
    service: Service, field: str
) -> None:
    path, item = (FIELDS | RECEIPT_FIELDS | KEY_PARTS)[field]("x" * 1_000_000)
    good = {**RECEIPT, "receipt_id": "good"} if path == "/v1/receipts" else {"anonymousId": "good", "event": "X"}
    key = TILL_KEY if path == "/v1/receipts" else KEY
    answer = await service.post(path, item, key=key)
    [code] = {answer.json().get("code"), *(one["code"] for one in answer.json().get("rejected", ()))} - {None}
    assert code in ("body_too_large", "event_too_large")
    assert await identifiers(service) == []
    assert (await service.post(path, good, key=key)).json()["success"]
    assert len(await identifiers(service)) == 1


@pytest.mark.parametrize("value", [True, False, [], {}, ["ada"], {"id": 1}], ids=repr)
@pytest.mark.parametrize("field", ["user", "device", "receipt's user"])
async def test_an_id_of_another_type_is_refused(service: Service, field: str, value: Any) -> None:
    assert await sent(service, *(FIELDS | RECEIPT_FIELDS)[field](value)) == "invalid_identifier"


@pytest.mark.parametrize("value", [True, [], {}, ["ada"]], ids=repr)
@pytest.mark.parametrize("kind", ["email", "loyalty_card", "phone"])
async def test_a_contact_of_another_type_is_none(service: Service, kind: str, value: Any) -> None:
    assert await sent(service, "/v1/identify", {"traits": {kind: value}}) == "missing_identifier"


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.parametrize("field", [name for name in [*FIELDS, *RECEIPT_FIELDS] if name != "phone"])
async def test_a_unicode_form_makes_no_other_identifier(service: Service, field: str, form: Form) -> None:
    path, item = (FIELDS | RECEIPT_FIELDS)[field](normalize(form, "  Jos\u00e9 \u1ed7\ufeff"))
    if "email" in field:
        item = FIELDS["email"](normalize(form, "jos\u00e9\u1ed7"))[1]
        path = "/v1/identify"
    assert await sent(service, path, item) == ""
    [[identifier]] = await identifiers(service)
    assert identifier.partition(":")[2] in ("Jos\u00e9 \u1ed7", "jos\u00e9\u1ed7@x.it")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_a_unicode_form_makes_no_other_receipt(service: Service, form: Form) -> None:
    assert await sent(service, "/v1/receipts", {**RECEIPT, "store_id": normalize(form, "Mi\u00e8ze")}) == ""
    assert await identifiers(service) == [("receipt:Mi\u00e8ze//2026-03-01/1",)]


async def test_other_ids_that_differ_by_case_alone_are_others(service: Service) -> None:
    for user in ("aBc", "abc"):
        await service.post("/v1/identify", {"userId": user, "traits": {"loyalty_card": f"K{user}"}})
    found = {("loyalty_card:KaBc", "user:aBc"), ("loyalty_card:Kabc", "user:abc")}
    assert {*await identifiers(service)} == found


SPELLINGS = [
    "jos\u00e9.stra\u00dfe@x.it", "JOSE\u0301.STRASSE@X.IT", " Jos\u00c9.Stra\u1e9ee@x.It ",
    "\ufeffjos\u00e9.strasse@x.it", "\uff4a\uff4f\uff53\u00e9.strasse\uff20x.it",
    "jos\u00e9.stra\u017f\u017fe@x.it", "jos\u00e9.str\u00adasse@x.it",
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS, ids=ascii)
def test_an_email_has_one_form_however_it_is_spelled(spelling: str) -> None:
    assert Reader(IdentitySettings()).contact("email", spelling, "") == "email:jos\u00e9.strasse@x.it"


async def customers_of(service: Service) -> set[str]:
    """Of all that was accepted, by the worker."""
    store = MemoryStore()
    worker = Worker(service.log, store, (MODEL,), SETTINGS, WorkerMetrics())
    await worker.start()
    while await worker.batch():
        pass
    return {customer for (customer, _), row in store.customers.items() if row.journey is not None}


async def test_one_email_in_every_spelling_and_place_is_one_customer(service: Service) -> None:
    for spelling in SPELLINGS:
        contact = {"email": spelling}
        await service.post("/v1/identify", {"traits": contact})
        await service.post("/v1/track", {"event": "X", "context": {"traits": contact}})
        await service.post("/v1/page", {"context": {"externalIds": [{"type": "email", "id": spelling}]}})
        await service.post("/v1/receipts", {**RECEIPT, "customer": contact}, key=TILL_KEY)
    assert await service.refused() == []
    assert await customers_of(service) == {"email:jos\u00e9.strasse@x.it"}


async def test_a_user_named_by_an_email_is_one_customer_in_whatever_case(service: Service) -> None:
    for spelling in ("Ada@X.it", "ada@x.it", "ADA@X.IT"):
        await service.post("/v1/page", {"userId": spelling})
        await service.post("/v1/receipts", {**RECEIPT, "customer": {"user_id": spelling}}, key=TILL_KEY)
    await service.post("/v1/alias", {"userId": "ada", "previousId": "ADA@x.it"})
    assert await customers_of(service) == {"user:ada"}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("field", ["user", "device", "loyalty_card"])
async def test_one_person_in_two_unicode_forms_is_one_customer(service: Service, field: str, form: Form) -> None:
    for value in ("Zo\u00eb", normalize(form, "Zo\u00eb "), "\ufeffZo\u00eb"):
        await service.post(*FIELDS[field](value))
    assert await customers_of(service) == {f"{field}:Zo\u00eb"}


LOCAL = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u0131"), min_size=1, max_size=8)


@settings(deadline=None, max_examples=400)
@given(LOCAL, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_neither_case_nor_unicode_form_makes_another_address(local: str, form: Form) -> None:
    known = address(f"{local}@x.it")
    assert address(known) == known
    assert address(normalize(form, f"{local}@x.it")) == known
    assert address(f"{local}@x.it".casefold()) == known
    if local.isalpha():
        assert address(f"{local}@X.It".upper()) == address(f"{local}@x.it".lower()) == known
    assert not set(known) & {"\u200b", "\ufeff", "\u00ad"}


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=20), st.sampled_from(["NFC", "NFD"]))
def test_an_id_has_one_form_and_keeps_it(text: str, form: Form) -> None:
    reader = Reader(IdentitySettings())
    if "\0" in text:
        return
    known = reader.identifier("userId", text)
    assert reader.identifier("userId", normalize(form, text)) == known == reader.identifier("userId", known)
