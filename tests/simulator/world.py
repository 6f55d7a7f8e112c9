"""What is simulated: a history made of a seed, and what must follow from it by brute force."""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from stage_engine.fold import fold
from stage_engine.identity.limits import Limits
from stage_engine.model import Model
from stage_engine.touchpoint import Touchpoint
from store.interface import Decision
from store.memory import MemoryStore
from tests.reference.identity import People, Row
from tests.stage_engine.identity.worlds import identifiers_of, split_of, touchpoint_of

EVENTS = ("Product Viewed", "Product Added", "Order Completed", "Product Reviewed", "Newsletter Subscribed")
LIMITS = (
    Limits(),
    Limits(values_max=2, values_max_of_kind={"user": 3}),
    Limits(values_max=1, values_max_of_kind={"user": 1}, group_max=3),
    Limits(values_max=2, values_max_of_kind={"user": 3, "device": 1}, group_max=2, allowed=frozenset(("card:0",))),
    Limits(values_max=3, blocked=frozenset(("tel:0", "device:0"))),
)


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What arrives, in the order of its arrival."""

    limits: Limits
    sent: tuple[Touchpoint | Decision, ...]


def history_of(dice: random.Random) -> History:
    """A few people who meet, log in, share devices and cards, and are told apart; late, shuffled and repeated."""
    few = dice.choice((5, 3, 2, 1))
    rows = [touchpoint_of(dice.randint(1, 12), dice.randrange(2**32), few) for _ in range(dice.choice((4, 8, 16, 30)))]
    rows += [{**row, "occurred_at": dice.randint(1, 12)} for row in rows if dice.random() < 0.1]
    sent: list[Touchpoint | Decision] = [touchpoint(row, dice) for row in rows]
    sent += [one for one in sent if dice.random() < 0.1]
    sent += [decision(number, dice.choice(rows), dice) for number in range(dice.choice((0, 0, 1, 3)))]
    if dice.random() < 0.7:
        dice.shuffle(sent)
    return History(limits=dice.choice(LIMITS), sent=tuple(sent))


def decision(at: int, row: Row, dice: random.Random) -> Decision:
    """A split of two identifiers that were seen together, mostly, or a word about one of them; or it is taken back."""
    split = split_of(row, dice.randrange(21), revoked=dice.random() < 0.3)
    one, other = sorted((split.one, split.other))
    kind: Literal["split", "allow", "block"] = dice.choice(("split", "split", "allow", "block"))
    return Decision(
        kind=kind,
        one=one,
        other=other if kind == "split" else "",
        revoked=split.revoked,
        decided_at=at,
        decided_by="ann",
        reason="…",
    )


def touchpoint(row: Row, dice: random.Random) -> Touchpoint:
    said: dict[str, Any] = {"user_id": "", "anonymous_id": "", "previous_id": ""}
    names = {"user": "user_id", "device": "anonymous_id", "previous": "previous_id"}
    contacts = []
    for one in row["identifiers"]:
        kind, _, value = one.partition(":")
        if kind in names:
            said[names[kind]] = value
        else:
            contacts.append(one)
    event = dice.choice(EVENTS)
    return Touchpoint(
        source=row["source"],
        message_id=row["message_id"],
        type="track",
        event=event,
        channel="web",
        occurred_at=row["occurred_at"],
        original_timestamp=row["original_timestamp"],
        received_at=0,
        contacts=tuple(contacts),
        transaction={"Order Completed": "sale"}.get(event, "void" if dice.random() < 0.03 else ""),
        refers_to="a",
        content_hash=blake2b(repr((row, event)).encode(), digest_size=16).digest(),
        **said,
    )


def row_of(touchpoint: Touchpoint) -> Row:
    return {
        "source": touchpoint.source,
        "message_id": touchpoint.message_id,
        "occurred_at": touchpoint.occurred_at,
        "original_timestamp": touchpoint.original_timestamp,
        "identifiers": list(touchpoint.identifiers),
    }


def wrong_rows(history: History, store: MemoryStore, *models: Model) -> list[str]:
    """Where the store differs from what brute force says; nothing when all is right."""
    touchpoints = [one for one in history.sent if isinstance(one, Touchpoint)]
    rows = list(map(row_of, touchpoints))
    people = people_of(history, rows)
    theirs = by_customer(touchpoints, people)
    wrong = [line for model in models for line in wrong_journeys(theirs, store, model)]
    if more := {name for _, name in store.customers} - {model.name for model in models}:
        wrong.append(f"there are rows of {more}")
    for one in identifiers_of(rows):
        row = store.identities.get(one)
        own = [(0, "" if one.startswith("receipt:") or one in history.limits.blocked else one)]
        is_whose = list(row.stretches) if row else own
        if is_whose != people.whose(one):
            wrong.append(f"{one} belongs to {is_whose} instead of {people.whose(one)}")
    return wrong


def wrong_journeys(theirs: dict[str, list[Touchpoint]], store: MemoryStore, model: Model) -> list[str]:
    expected = {customer: fold(model, some) for customer, some in theirs.items() if customer}
    expected = {customer: journey for customer, journey in expected.items() if journey}
    rows = [row for row in store.customers.values() if row.model == model.name]
    found = {row.customer_id: row.journey for row in rows if row.journey}
    mixed = {customer for customer, some in theirs.items() if any(one.home != customer for one in some)}
    for customer, journey in found.items():
        if not (journey.own and customer in mixed):  # it may go unnoticed that all are its own
            found[customer] = replace(journey, own=False)
    return [
        f"{customer} under {model.name}: {told(found.get(customer))} instead of {told(expected.get(customer))}"
        for customer in sorted(expected.keys() | found.keys())
        if expected.get(customer) != found.get(customer)
    ]


def told(journey: Any) -> str:
    return (
        "nothing"
        if journey is None
        else f"{journey.touchpoints} touchpoints ({journey.first_touch_at} to {journey.last_touch_at})"
    )


def by_customer(touchpoints: Sequence[Touchpoint], people: People) -> dict[str, list[Touchpoint]]:
    earliest: dict[bytes, int] = {}
    for one in touchpoints:
        earliest[one.identity] = min(one.occurred_at, earliest.get(one.identity, one.occurred_at))
    found: dict[str, list[Touchpoint]] = {}
    for one in touchpoints:
        customer = people.customer({**row_of(one), "occurred_at": earliest[one.identity]})
        found.setdefault(customer, []).append(one)
    return found


def people_of(history: History, rows: list[Row]) -> People:
    decisions = sorted((one for one in history.sent if isinstance(one, Decision)), key=lambda one: one.decided_at)
    last = {(one.kind, *one.about): one.revoked for one in decisions}
    decided = {about for about, revoked in last.items() if not revoked}
    limits = history.limits
    return People(
        rows,
        [about[1:] for about in decided if about[0] == "split"],
        of_kind=limits.values_max_of_kind,
        values=limits.values_max,
        group=limits.group_max,
        allowed=limits.allowed | {about[1] for about in decided if about[0] == "allow"},
        blocked=limits.blocked | {about[1] for about in decided if about[0] == "block"},
    )
