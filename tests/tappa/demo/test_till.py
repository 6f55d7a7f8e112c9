"""The till simulator: the same for a seed, plausible, and its known totals are those of its receipts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tappa.demo.line import lines
from tappa.demo.send import paced
from tappa.demo.takings import Takings
from tappa.demo.till import Tills
from tappa.demo.touch import DAY, Touch

END = date(2026, 3, 31)
WANTED: dict[str, Any] = {"seed": 5, "stores": 8, "days": 40, "receipts": 4_000, "end": END, "late": False}


def run(**said: Any) -> tuple[list[Touch], Takings]:
    tills = Tills(**{**WANTED, **said})
    return list(tills.run()), tills.takings


@pytest.fixture(scope="module")
def touches() -> list[Touch]:
    return run()[0]


def receipts(touches: Iterable[Touch], *kinds: str) -> list[dict[str, Any]]:
    """Originals of these kinds, or of all."""
    return [
        one.body for one in touches if one.receipt and not one.copied_after and (not kinds or kind(one.body) in kinds)
    ]


def kind(receipt: dict[str, Any]) -> str:
    return str(receipt.get("kind") or ("return" if Decimal(receipt["total"]) < 0 else "sale"))


def key(receipt: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(receipt[part] for part in ("store_id", "till_id", "business_date", "receipt_id"))


def texts(touches: Iterable[Touch]) -> list[bytes]:
    return list(lines(touches))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(touches: list[Touch]) -> None:
    assert texts(touches) == texts(run()[0])
    assert texts(touches) != texts(run(seed=6)[0])


def test_another_last_day_moves_dates_and_offsets_and_nothing_else(touches: list[Touch]) -> None:
    dated = re.compile(rb"\d{4}-\d\d-\d\d|[+-]\d\d:\d\d(?=\")")

    def undated(some: Iterable[Touch]) -> list[bytes]:
        return [dated.sub(b"", text) for text in texts(some)]

    assert undated(touches) == undated(run(end=date(2024, 2, 29))[0])


def test_lateness_changes_the_order_of_arrival_and_nothing_else(touches: list[Touch]) -> None:
    late, takings = run(late=True)
    assert sorted(texts(late)) == sorted(texts(touches))
    assert texts(late) != texts(touches)
    assert takings == run()[1]


def test_sendings_arrive_in_order_some_of_them_days_late_when_wanted(touches: list[Touch]) -> None:
    late, _ = run(late=True)
    first = datetime(2026, 2, 20)  # noqa: DTZ001 - local time, as sold_at has it before its offset
    days = Counter(
        one.arrives // DAY - (datetime.fromisoformat(one.body["sold_at"][:19]) - first).days
        for one in late
        if one.receipt and not one.copied_after
    )
    assert [one.arrives for one in late] == sorted(one.arrives for one in late)
    assert [one.arrives for one in touches] == sorted(one.arrives for one in touches)
    assert set(days) == {0, 1, 2, 3}
    assert 0.1 < 1 - days[0] / days.total() < 0.4


@pytest.mark.parametrize("wanted", [1, 2, 7, 500])
def test_exactly_as_many_receipts_as_asked_for_on_the_days_asked_for(wanted: int) -> None:
    found = receipts(run(receipts=wanted, days=10)[0])
    assert len({key(one) for one in found}) == len(found) == wanted
    assert {one["business_date"] for one in found} <= {f"2026-03-{day}" for day in range(22, 32)}


def test_copies_are_word_for_word(touches: list[Touch]) -> None:
    originals = {one.number: one.body for one in touches if not one.copied_after}
    copies = [one for one in touches if one.copied_after]
    assert copies
    assert all(originals[one.number - 1] == one.body for one in copies)


def test_the_known_totals_are_those_of_the_receipts() -> None:
    some, takings = run()
    all_of_them = receipts(some)
    voided = {(*key(one)[:3], one["refers_to"]) for one in receipts(some, "void")}
    revenue: Counter[tuple[str, str]] = Counter()
    for one in receipts(some, "sale", "exchange", "return"):
        if key(one) not in voided:
            total = Decimal(one["total"])
            revenue[one["store_id"], one["currency"]] += -abs(total) if kind(one) == "return" else total  # type: ignore[assignment]
    told = {(store, money): amount for store, of in takings.stores.items() for money, amount in of.revenue.items()}
    assert told == dict(revenue)
    assert takings.by_kind == Counter(map(kind, all_of_them))
    assert takings.lines == sum(len(one["lines"]) for one in all_of_them)
    assert takings.voided == len(voided)
    assert takings.claims == sum(not one.receipt and not one.copied_after for one in some)
    assert takings.nobodys == sum("customer" not in one for one in all_of_them) - takings.claims
    assert takings.copies == sum(bool(one.copied_after) for one in some)


def test_everything_that_makes_receipts_hard_is_there(touches: list[Touch]) -> None:
    every = receipts(touches)
    assert set(map(kind, every)) == {"sale", "return", "exchange", "void"}
    assert {one["currency"] for one in every} == {"EUR", "CHF", "GBP", "PLN", "USD"}
    assert any(one["sold_at"][:10] != one["business_date"] for one in every)
    assert {one["sold_at"][-6:] for one in every} >= {"+01:00", "+02:00", "-05:00", "+00:00"}
    assert any("kind" not in one for one in receipts(touches, "return"))
    assert {"refers_to" in one for one in receipts(touches, "return")} == {True, False}
    assert any(Decimal(one["total"]) < 0 for one in receipts(touches, "exchange"))
    assert any(one.get("staff") for one in every)
    assert any("discount" in one for one in every)
    assert any("discount" in line for one in every for line in one["lines"])
    assert any(one.get("tax_included") is False for one in every)
    assert {payment["method"] for one in every for payment in one["payments"]} == {"card", "cash", "gift_card"}
    assert any(len(one["payments"]) == 2 for one in every)
    assert {tuple(one.get("customer", ())) for one in every} == {
        (), ("loyalty_card",), ("email",), ("phone",), ("loyalty_card", "email")
    }  # fmt: skip


def test_payments_come_to_the_total(touches: list[Touch]) -> None:
    for one in receipts(touches):
        assert sum(Decimal(payment["amount"]) for payment in one["payments"]) == Decimal(one["total"])


def test_what_follows_from_a_sale_names_it_and_its_customer(touches: list[Touch]) -> None:
    sales = {key(one): one for one in receipts(touches, "sale")}
    for one in receipts(touches, "void"):
        sale = sales[*key(one)[:3], one["refers_to"]]
        assert (one["total"], one.get("customer")) == (sale["total"], sale.get("customer"))
    partial = 0
    for one in receipts(touches, "return", "exchange"):
        if "refers_to" in one:
            sale = sales[key(one["refers_to"])]
            assert (one["currency"], one.get("customer")) == (sale["currency"], sale.get("customer"))
            assert one["business_date"] > sale["business_date"]
            partial += len(one["lines"]) < len(sale["lines"])
    assert partial


def test_what_is_sent_at_a_rate_waits_for_its_time_and_makes_up_for_no_more_than_a_second() -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        now[0] += seconds

    touches = paced([Touch(0, number, True, 0, {}) for number in range(12)], 4, lambda: now[0], sleep)
    for _ in range(4):
        next(touches)
    now[0] += 60
    assert sum(1 for _ in touches) == 8
    assert slept == [0.25] * 3 + [0.25] * 4
