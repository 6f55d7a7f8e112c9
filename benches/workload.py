"""The touchpoints that are measured: from a seed, as a stream, the same bytes for whoever is measured.

They are those of a linked shop: messages in Segment's shape and receipts of about 700 bytes each, of customers whose
shares follow Zipf's law. Times go up from item to item, so that nothing is late unless the mix says so.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

from benches.messages import message, pick, receipt, viewed

DAY_MS: Final = 24 * 3600 * 1000
RECENT_ITEMS_MAX: Final = 2_000
"""How many items are remembered to be copied: a retry comes soon after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What disturbs the order, as shares of all items."""

    duplicates: float = 0.0
    """Sent before, byte for byte."""
    late: float = 0.0
    """Older than what its customer already has, by up to ``late_ms_max``."""
    late_ms_max: int = 7 * DAY_MS
    conflicts: float = 0.0
    """Another touchpoint under a ``messageId`` that was used before."""


IN_ORDER: Final = Mix()
FULL: Final = Mix(duplicates=0.05, late=0.03, conflicts=0.001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What to generate. Equal workloads give equal bytes."""

    seed: int
    items: int
    start_ms: int
    """Time of the first item."""
    end_ms: int
    customers: int = 100_000
    zipf_exponent: float = 0.8
    """Of 100,000 customers at 16 senders, 0.8 gives the 16 busiest half a percent of the touchpoints each, and the
    busiest 1,000 a third of all."""
    receipts: float = 0.2
    """Their share of all items."""
    senders: int = 16
    """A customer's touchpoints all come from one sender, who sends one after the other: so order survives."""
    block: int = 100
    """Items in a row that have the same sender and kind, so that they fit into one request."""
    mix: Mix = IN_ORDER


class Item(NamedTuple):
    """One message or receipt as it goes over the wire."""

    sender: int
    kind: str
    """``receipt``, or the message's type."""
    body: bytes
    fresh: bool
    """False: a copy, which adds no touchpoint."""


def items(workload: Workload) -> Iterator[Item]:
    """The workload's items, in the order of their times (late ones aside)."""
    rng = Random(workload.seed)
    customers = _Customers(workload, rng)
    recent: dict[bool, list[tuple[Item, str]]] = {True: [], False: []}
    step_ms = (workload.end_ms - workload.start_ms) / workload.items
    mix = workload.mix
    for number in range(workload.items):
        sender, at_till = place(workload, number)
        lately = recent[at_till]
        lot = rng.random()
        if lately and lot < mix.duplicates:
            original, _ = pick(rng, lately)
            yield original._replace(sender=sender, fresh=False)
            continue
        at_ms = workload.start_ms + int(number * step_ms)
        message_id = f"{rng.getrandbits(128):032x}"
        customer = customers.draw(sender)
        if lot < mix.duplicates + mix.late:
            at_ms -= rng.randint(1, mix.late_ms_max)
        elif lately and not at_till and lot < mix.duplicates + mix.late + mix.conflicts:
            _, message_id = pick(rng, lately)
        kind, body = (receipt if at_till else message)(rng, customer, message_id, at_ms)
        item = Item(sender, kind, body.encode(), fresh=True)
        if len(lately) < RECENT_ITEMS_MAX:
            lately.append((item, message_id))
        else:
            lately[rng.randrange(RECENT_ITEMS_MAX)] = (item, message_id)
        yield item


def markers(prefix: str, count: int, at_ms: int, *, sender: int = 0) -> list[Item]:
    """Messages of ``count`` customers whom nobody else is, ``user:PREFIX0`` and so on: where they are visible, all that
    went into the log before them is."""
    rng = Random(prefix)
    names = (f"{prefix}{number}" for number in range(count))
    return [
        Item(sender, "track", viewed(rng, f'"userId":"{name}",', name, at_ms).encode(), fresh=True) for name in names
    ]


def place(workload: Workload, number: int) -> tuple[int, bool]:
    """Sender of item ``number``, and whether it is a receipt."""
    turn, sender = divmod(number // workload.block, workload.senders)
    owed = turn * workload.receipts + sender / workload.senders + 1e-9
    return sender, int(owed + workload.receipts) > int(owed)


class _Customers:
    """Customers by Zipf's law, each at one sender."""

    def __init__(self, workload: Workload, rng: Random) -> None:
        self._senders = workload.senders
        self._customers = workload.customers
        self._rng = rng
        self._shares = list(accumulate((rank + 1) ** -workload.zipf_exponent for rank in range(workload.customers)))

    def draw(self, sender: int) -> int:
        rank = bisect(self._shares, self._rng.random() * self._shares[-1], 0, self._customers - 1)
        customer = rank - rank % self._senders + sender
        return customer if customer < self._customers else sender
