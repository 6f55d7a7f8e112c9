"""The shop's customers: how often each comes, and by which identifiers.

Three of five log in. Of these a third have a loyalty card and an e-mail address in their account; the others' cards are
never shown together with an account. The other two of five have only a cookie, and perhaps a card.
"""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

KNOWN_OF_FIVE: Final = 3
"""Customers who log in: their messages carry ``userId`` and ``anonymousId``; the others' only ``anonymousId``."""
HOLDERS_EVERY: Final = 5
"""Every fifth customer is one who logs in and has a card and an e-mail address in the account."""
NEW_CONTACTS_MAX: Final = 4
"""New cards, and new e-mail addresses, of one customer in one workload: a user who is seen with more than 20 of a kind
becomes shared, and an installation sees four workloads with new ones."""
AGAIN: Final = 0.5
"""How often somebody who has new identifiers comes with any of theirs, not with the oldest."""


class Who(NamedTuple):
    """The identifiers of one customer at one visit; ``""`` for none."""

    user: str
    device: str
    card: str
    email: str
    phone: str = ""


class New(NamedTuple):
    """How many new identifiers of each kind a customer has got in a workload."""

    devices: int = 0
    cards: int = 0
    emails: int = 0


NOTHING_NEW: Final = New()


def logs_in(customer: int) -> bool:
    """Whether a customer has an account."""
    return customer % 5 < KNOWN_OF_FIVE


def holds_card(customer: int) -> bool:
    """Whether a card and an e-mail address are in the customer's account."""
    return customer % HOLDERS_EVERY == 0


def known(customer: int) -> Who:
    """By what the shop has always known a customer."""
    return Who(
        f"u{customer:07d}" if logs_in(customer) else "",
        _device(customer),
        f"{9_900_000_000 + customer}",
        f"customer{customer}@mail.example" if holds_card(customer) else "",
    )


class Customers:
    """Customers by Zipf's law, each at one sender, and what new identifiers they have got. ``seed`` tells the new ones
    of one workload from another's."""

    def __init__(self, count: int, zipf_exponent: float, senders: int, seed: int, rng: Random) -> None:
        self._senders = senders
        self._count = count
        self._seed = seed
        self._rng = rng
        self._shares = list(accumulate((rank + 1) ** -zipf_exponent for rank in range(count)))
        self._new: dict[int, New] = {}

    def draw(self, sender: int) -> int:
        """Who comes next to this sender."""
        rank = bisect(self._shares, self._rng.random() * self._shares[-1], 0, self._count - 1)
        customer = rank - rank % self._senders + sender
        return customer if customer < self._count else sender

    def who(self, customer: int) -> Who:
        """By what the customer comes today: nothing that they were not seen with before."""
        who, new = known(customer), self._new.get(customer)
        if new is None or self._rng.random() >= AGAIN:
            return who
        device, card, email = (int(self._rng.random() * (count + 1)) for count in new)
        return Who(
            who.user,
            self._new_device(customer, device) if device else who.device,
            self._new_card(customer, card) if card else who.card,
            self._new_email(customer, email) if email else who.email,
        )

    def with_new_device(self, customer: int) -> Who:
        """A customer who logs in, on a device that nobody was seen on."""
        new = self._count_new(customer, devices=1)
        return known(customer)._replace(device=self._new_device(customer, new.devices))

    def with_new_card(self, customer: int) -> Who | None:
        """A customer with a card that nobody was seen with; None when they have enough new ones."""
        if self._new.get(customer, NOTHING_NEW).cards == NEW_CONTACTS_MAX:
            return None
        new = self._count_new(customer, cards=1)
        return known(customer)._replace(card=self._new_card(customer, new.cards))

    def with_new_email(self, customer: int) -> Who | None:
        """The same for an e-mail address."""
        if self._new.get(customer, NOTHING_NEW).emails == NEW_CONTACTS_MAX:
            return None
        new = self._count_new(customer, emails=1)
        return known(customer)._replace(email=self._new_email(customer, new.emails))

    def _count_new(self, customer: int, devices: int = 0, cards: int = 0, emails: int = 0) -> New:
        before = self._new.get(customer, NOTHING_NEW)
        new = self._new[customer] = New(before.devices + devices, before.cards + cards, before.emails + emails)
        return new

    def _new_device(self, customer: int, number: int) -> str:
        return _device(((self._seed << 20) + number << 32) + customer)

    def _new_card(self, customer: int, number: int) -> str:
        return f"98{self._seed:05d}{customer:07d}{number}"

    def _new_email(self, customer: int, number: int) -> str:
        return f"customer{customer}.{self._seed}.{number}@mail.example"


def _device(number: int) -> str:
    """An ``anonymousId`` as browsers make them, another one for each number."""
    digits = f"{(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
