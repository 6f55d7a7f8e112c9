"""Crowds that are hard to tell apart: visitors who log in, and shapes that could make each touchpoint dearer than the
last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final

from benches.customers import Who
from benches.messages import NOBODY, identified, on_message, receipt, viewed
from benches.workload import Item

STEP_MS: Final = 500
"""From one touchpoint to the next of all that an installation gets: all of a day and a half, at full scale."""
SENDERS: Final = 16
BLOCK: Final = 100
UPLOAD: Final = 500
"""Receipts in one request: a store sends many at once, and a JSON body may have half a megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Touchpoints of which each meets what those before it left."""

    name: str
    says: str
    size: int
    who: Callable[[int], Who]
    """Whom touchpoint ``n`` names."""
    theirs: str
    """A condition on ``customer_id``: whose all the touchpoints are in the end."""
    batch: int = UPLOAD
    """Touchpoints in a request."""


def _on_another_device(number: int) -> Who:
    return NOBODY._replace(user="everywhere", device=f"everywhere-{number}")


def _with_the_tills_card(number: int) -> Who:
    return NOBODY._replace(card="till-7", phone=f"+49151{number:08d}")


def _with_the_neighbours_card(number: int) -> Who:
    return NOBODY._replace(user=f"chained-{(number + 1) // 2}", card=f"chained-{number // 2}")


def _with_one_contact_more(number: int) -> Who:
    return NOBODY._replace(card=f"grown-{(number + 1) // 2}", email=f"grown-{number // 2}@mail.example")


SHAPES: Final = (
    Shape(
        name="devices", says="one user, each time on another device", size=10_000, who=_on_another_device,
        theirs="customer_id = 'user:everywhere'", batch=BLOCK,
    ),
    Shape(
        name="till_card", says="a till's card with each customer's phone", size=10_000, who=_with_the_tills_card,
        theirs="startsWith(customer_id, 'phone:+49151')",
    ),
    Shape(
        name="chain", says="users chained by each other's cards", size=10_000, who=_with_the_neighbours_card,
        theirs="startsWith(customer_id, 'user:chained-')",
    ),
    Shape(
        name="group", says="one group of cards and addresses", size=2_000, who=_with_one_contact_more,
        theirs="startsWith(customer_id, 'email:grown-')",
    ),
)  # fmt: skip


class Crowds:
    """Makes the items, each later than all before it. Equal seeds and starts give equal bytes."""

    def __init__(self, seed: int, start_ms: int) -> None:
        self._rng = Random(seed)
        self._times = count(start_ms, STEP_MS)
        self._before = count(start_ms - STEP_MS, -STEP_MS)

    def visits(self, name: str, visitors: Iterable[int], each: int) -> Iterator[Item]:
        """``each`` touchpoints of each visitor, who is nobody yet. A visitor's come one after the other, from one
        sender."""
        for visitor in visitors:
            for _ in range(each):
                yield self._item(visitor // BLOCK % SENDERS, NOBODY._replace(device=f"{name}-{visitor}"))

    def logins(self, name: str, visitors: Iterable[int]) -> Iterator[Item]:
        """Each of the visitors identified, once, as the user of the same name."""
        for visitor in visitors:
            who = NOBODY._replace(user=f"{name}-{visitor}", device=f"{name}-{visitor}")
            kind, body = identified(self._rng, who, self._id(), next(self._times))
            yield Item(visitor // BLOCK % SENDERS, kind, body.encode(), fresh=True)

    def history(self, user: str, touchpoints: int) -> Iterator[Item]:
        """Of one user, in order."""
        return (self._item(0, NOBODY._replace(user=user)) for _ in range(touchpoints))

    def late(self, user: str) -> Item:
        """One that is older than everything."""
        return self._item(0, NOBODY._replace(user=user), next(self._before))

    def shape(self, shape: Shape, numbers: Iterable[int]) -> Iterator[Item]:
        """Some of a shape's touchpoints, in order."""
        return (self._item(0, shape.who(number)) for number in numbers)

    def _item(self, sender: int, who: Who, at_ms: int | None = None) -> Item:
        """A page's message if the person is on a device or only a user is named, else a till's receipt."""
        at_ms = next(self._times) if at_ms is None else at_ms
        if who.card:
            kind, body = receipt(self._rng, who, self._id(), at_ms)
        else:
            kind, body = "track", viewed(self._rng, on_message(who), self._id(), at_ms)
        return Item(sender, kind, body.encode(), fresh=True)

    def _id(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"
