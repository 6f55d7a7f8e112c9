"""The touchpoints that are measured: from a seed, as a stream, the same bytes for whoever is measured.

They are those of a linked shop: messages in Segment's shape and receipts of about 700 bytes each, of customers whose
shares follow Zipf's law. ``first_sights`` shows everybody once; after that the shop knows its customers, and ``items``
brings so many new links as the mix says. Times go up from item to item, so that nothing is late unless the mix says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from benches.customers import HOLDERS_EVERY, Customers, Who, holds_card, known, logs_in
from benches.messages import bought, identified, message, pick, receipt, viewed

Make = Callable[[Random, Who, str, int], tuple[str, str]]
"""Kind and JSON of an item, from who comes, its id and its time."""
DAY_MS: Final = 24 * 3600 * 1000
RECENT_ITEMS_MAX: Final = 2_000
"""How many items are remembered to be copied: a retry comes soon after."""
NEW_EMAILS: Final = 0.2
"""Of the new links that messages bring: the others are new devices. Those of receipts are new cards."""
LINKER_DRAWS_MAX: Final = 100
"""Customers who are drawn until one can bring a new link: three of five can, so that none is as good as impossible."""


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
    links: float = 0.02
    """Of a customer who logs in, on a device or with a card or an e-mail address that nobody was seen with before."""


IN_ORDER: Final = Mix()
NO_LINKS: Final = Mix(links=0.0)
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
    customers = Customers(workload.customers, workload.zipf_exponent, workload.senders, workload.seed, rng)
    recent: dict[bool, list[tuple[Item, str]]] = {True: [], False: []}
    step_ms = (workload.end_ms - workload.start_ms) / workload.items
    mix = workload.mix
    for number in range(workload.items):
        sender, at_till = place(workload, number)
        lately = recent[at_till]
        links, lot = rng.random() < mix.links, rng.random()
        if lately and not links and lot < mix.duplicates:
            original, _ = pick(rng, lately)
            yield original._replace(sender=sender, fresh=False)
            continue
        at_ms = workload.start_ms + int(number * step_ms)
        message_id = f"{rng.getrandbits(128):032x}"
        if mix.duplicates <= lot < mix.duplicates + mix.late:
            at_ms -= rng.randint(1, mix.late_ms_max)
        elif lately and not at_till and 0 <= lot - mix.duplicates - mix.late < mix.conflicts:
            _, message_id = pick(rng, lately)
        kind, body = (_linking if links else _usual)(rng, customers, sender, at_till, message_id, at_ms)
        item = Item(sender, kind, body.encode(), fresh=True)
        if len(lately) < RECENT_ITEMS_MAX:
            lately.append((item, message_id))
        else:
            lately[rng.randrange(RECENT_ITEMS_MAX)] = (item, message_id)
        yield item


def first_sights(workload: Workload) -> Iterator[Item]:
    """``sights(workload.customers)`` items: every customer once with a message, those who log in on the device that
    will be theirs; and with a receipt all whose card and e-mail address are in their account."""
    rng = Random(workload.seed)
    step_ms = (workload.end_ms - workload.start_ms) / sights(workload.customers)
    for number, (sender, make, who) in enumerate(_first_visits(workload)):
        message_id, at_ms = f"{rng.getrandbits(128):032x}", workload.start_ms + int(number * step_ms)
        kind, body = make(rng, who, message_id, at_ms)
        yield Item(sender, kind, body.encode(), fresh=True)


def _first_visits(workload: Workload) -> Iterator[tuple[int, Make, Who]]:
    """Who is seen by which sender, and how. Of so many customers at a time that each sender's fill requests of
    messages, and those with a card one of receipts."""
    some = workload.block * workload.senders * HOLDERS_EVERY
    for start in range(0, workload.customers, some):
        for sender in range(workload.senders):
            here = range(start + sender, min(start + some, workload.customers), workload.senders)
            for customer in here:
                yield sender, message, known(customer)._replace(email="")
            for customer in filter(holds_card, here):
                yield sender, receipt, known(customer)


def sights(customers: int) -> int:
    """How many items ``first_sights`` has."""
    return customers + len(range(0, customers, HOLDERS_EVERY))


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


def _usual(
    rng: Random, customers: Customers, sender: int, at_till: bool, message_id: str, at_ms: int
) -> tuple[str, str]:
    """A visit by what is known."""
    return (bought if at_till else message)(rng, customers.who(customers.draw(sender)), message_id, at_ms)


def _linking(
    rng: Random, customers: Customers, sender: int, at_till: bool, message_id: str, at_ms: int
) -> tuple[str, str]:
    """A visit that tells of an identifier which nobody knew."""
    for _ in range(LINKER_DRAWS_MAX):
        customer = customers.draw(sender)
        if not logs_in(customer):
            continue
        if at_till:
            if who := customers.with_new_card(customer):
                return receipt(rng, who._replace(email=""), message_id, at_ms)
        elif rng.random() >= NEW_EMAILS:
            return message(rng, customers.with_new_device(customer)._replace(email=""), message_id, at_ms)
        elif who := customers.with_new_email(customer):
            return identified(rng, who, message_id, at_ms)
    return _usual(rng, customers, sender, at_till, message_id, at_ms)
