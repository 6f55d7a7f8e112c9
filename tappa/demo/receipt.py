"""The sums on a simulated receipt: lines, discounts, tax, payments. Amounts are texts with two digits behind the point,
as tills send them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Final

from tappa.demo.assortment import Product
from tappa.demo.branch import Branch
from tappa.demo.touch import Body

_CENT: Final = Decimal("0.01")
_UNEVEN: Final = 0.01
"""How many totals are a cent less than they should, because somebody rounds elsewhere."""


def line_of(product: Product, branch: Branch, quantity: int, *, percent_off: int) -> Body:
    """One line of what is sold."""
    price = _rounded(Decimal(product.cents) * branch.prices_percent / 10_000)
    off = _rounded(price * quantity * percent_off / 100)
    said: Body = {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "quantity": quantity,
        "unit_price": _text(price),
    }
    return said | ({"discount": _text(off)} if off else {})


def taken_back(line: Body) -> Body:
    """The line of what came back, where sales have the other sign."""
    signed = {"quantity": -line["quantity"]} | ({"discount": negated(line["discount"])} if "discount" in line else {})
    return line | signed


def settled(rng: Random, lines: Sequence[Body], branch: Branch, *, percent_off: int) -> Body:
    """The lines with discount, tax, total and payments."""
    sum_of_lines = sum(map(_amount, lines), Decimal())
    off = _rounded(sum_of_lines * percent_off / 100)
    net = sum_of_lines - off
    tax = _rounded(net * branch.tax_permille / (1000 + branch.tax_permille * branch.tax_included))
    total = net if branch.tax_included else net + tax
    if rng.random() < _UNEVEN:
        total -= _CENT
    said: Body = {"lines": list(lines), "tax": _text(tax), "total": _text(total), "payments": _payments(rng, total)}
    return said | ({"discount": _text(off)} if off else {}) | ({} if branch.tax_included else {"tax_included": False})


def by_its_sign(returned: Body) -> Body:
    """A return as some tills say it: everything below zero, and no kind."""
    return {
        **returned,
        "lines": [taken_back(line) for line in returned["lines"]],
        "tax": negated(returned["tax"]),
        "total": negated(returned["total"]),
        "payments": [{**one, "amount": negated(one["amount"])} for one in returned["payments"]],
    }


def difference(receipt: Body) -> Decimal:
    """By how much the total is more than lines, discount and tax come to."""
    due = sum(map(_amount, receipt["lines"]), Decimal()) - Decimal(receipt.get("discount", 0))
    return Decimal(receipt["total"]) - due - (0 if receipt.get("tax_included", True) else Decimal(receipt["tax"]))


def negated(amount: str) -> str:
    """The same with the other sign."""
    return _text(-Decimal(amount))


def _payments(rng: Random, total: Decimal) -> list[Body]:
    way, part = rng.random(), _rounded(total * rng.randrange(10, 60) / 100)
    if way < 0.85 or not 0 < part < total:
        return [{"method": rng.choice(("card", "card", "cash")), "amount": _text(total)}]
    first = "gift_card" if way < 0.95 else "cash"
    return [{"method": first, "amount": _text(part)}, {"method": "card", "amount": _text(total - part)}]


def _amount(line: Body) -> Decimal:
    return Decimal(line["quantity"]) * Decimal(line["unit_price"]) - Decimal(line.get("discount", 0))


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"
