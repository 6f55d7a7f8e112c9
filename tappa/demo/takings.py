"""What simulated receipts come to, counted while they are rung up: known totals to compare the views with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from tappa.demo.receipt import difference
from tappa.demo.touch import Body

KINDS: Final = ("sale", "return", "exchange", "void")


class Taking(msgspec.Struct):
    """Of one store."""

    receipts: int = 0
    revenue: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """By currency: returns taken off, voided sales left out."""


class Takings(msgspec.Struct):
    """Of all stores, copies counted once."""

    receipts: int = 0
    by_kind: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    lines: int = 0
    voided: int = 0
    """Sales that a void takes back."""
    nobodys: int = 0
    """Receipts that name nobody and that nobody claims."""
    claims: int = 0
    staff: int = 0
    uneven: int = 0
    """Receipts that do not add up."""
    copies: int = 0
    """Sendings that are sent again."""
    stores: dict[str, Taking] = msgspec.field(default_factory=dict)

    def ring_up(self, receipt: Body, kind: str, *, counts: bool) -> None:
        """A receipt of this kind; ``counts`` unless it is a void, or a sale that one takes back."""
        self.receipts += 1
        self.by_kind[kind] += 1
        self.lines += len(receipt["lines"])
        self.voided += kind == "sale" and not counts
        self.nobodys += "customer" not in receipt
        self.staff += "staff" in receipt
        self.uneven += difference(receipt) != 0
        taking = self.stores.setdefault(receipt["store_id"], Taking())
        taking.receipts += 1
        if counts:
            total, currency = Decimal(receipt["total"]), receipt["currency"]
            money = -abs(total) if kind == "return" else total
            taking.revenue[currency] = taking.revenue.get(currency, Decimal()) + money

    def claim(self) -> None:
        """Somebody claims one that named nobody."""
        self.claims += 1
        self.nobodys -= 1

    def told(self) -> dict[str, Any]:
        """As ``--json`` shows it. Money is text, so that no digit is lost."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        for taking in found["stores"].values():
            taking["revenue"] = {currency: f"{Decimal(money):.2f}" for currency, money in taking["revenue"].items()}
        return found
