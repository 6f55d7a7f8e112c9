"""Amounts of a transaction: its lines, discounts, taxes, payments and total, and how they add up.

Tills differ in what they write; what they print on paper adds up. So where the standard leaves a choice (is the tax in
the prices? is the discount of the receipt in the lines, too?), the reading that adds up to the total is taken.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from ingest.files.poslog.node import Node
from ingest.files.values import RowError

SALES: Final = ("Sale", "SaleForDelivery", "SaleForPickup")
RETURNS: Final = ("Return", "ReturnForDelivery", "ReturnForPickup")
CENT: Final = Decimal("0.01")


def amount(node: Node | None) -> Decimal | None:
    """The number that an element says; None without one. Raises ``RowError`` for what is no number."""
    if node is None or not node.text:
        return None
    try:
        number = Decimal(node.text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise RowError(f"{node.name} {node.text[:40]!r} is no number")
    return number


def line_of(item: Node, *, back: bool) -> dict[str, Any]:
    """A line of a receipt, from what was sold or, with ``back``, came back: then with a negative quantity. Discount is
    off the whole line."""
    sku = item.said("ItemID") or item.said("POSIdentity", "POSItemID")
    if not sku:
        raise RowError(f"a {item.name} has neither ItemID nor POSIdentity/POSItemID")
    quantity = amount(item.first("Quantity"))
    quantity = Decimal(1) if quantity is None else quantity
    if back:
        quantity = abs(quantity)
    regular, actual = amount(item.first("RegularSalesUnitPrice")), amount(item.first("ActualSalesUnitPrice"))
    extended = amount(item.first("ExtendedAmount"))
    off = _off(item, quantity, regular)
    price = actual if regular is None else regular
    if price is None:
        if extended is None:
            raise RowError(f"item {sku!r} has no RegularSalesUnitPrice, ActualSalesUnitPrice or ExtendedAmount")
        price = round((abs(extended) + (off or 0)) / (quantity or 1), 4)
    elif off is None and regular is not None and actual is not None:
        off = quantity * (regular - actual)
    sign = -1 if back else 1
    line: dict[str, Any] = {"sku": sku, "quantity": sign * quantity, "unit_price": abs(price) if back else price}
    if name := _name(item):
        line["name"] = name
    if off:
        line["discount"] = sign * off
    if category := _category(item):
        line["category"] = category
    if (tax := _sum(item.all("Tax"))) is not None:
        line["tax"] = sign * abs(tax) if back else tax
    return line


def payment_of(tender: Node) -> dict[str, Any] | None:
    """How part of it was paid: the amount without the change, below zero when it was paid back. Numbers of cards are
    left where they are."""
    paid = amount(tender.first("Amount"))
    if paid is None:
        return None
    change = amount(tender.first("TenderChange", "Amount")) or Decimal(0)
    method = tender.attributes.get("TenderType") or tender.said("TenderID") or "other"
    net = paid - change
    if tender.attributes.get("TypeCode", "") in ("Refund", "Change"):
        net = -abs(net)
    return {"method": method.removeprefix("X:"), "amount": net}


def settle(receipt: dict[str, Any], retail: Node) -> None:
    """Adds what is said of the whole receipt: ``discount``, ``tax``, ``tax_included``, ``total``. Of a return all are
    below zero, as its lines are."""
    items = [item for item in retail.all("LineItem") if not item.flag("VoidFlag")]
    sign = -1 if receipt["kind"] == "return" else 1
    lines = sum((_amount_of(line) for line in receipt["lines"]), Decimal(0))
    off = sign * abs(_sum([inner for item in items for inner in item.all("Discount", "LoyaltyReward")]) or Decimal(0))
    tax = _tax(receipt, retail, items)
    tax = -abs(tax) if sign < 0 else tax
    total = _grand(receipt, retail)
    off_lines, on_top = _adding_up(total, lines, off, tax, _tax_included(retail))
    if off and off_lines:
        receipt["discount"] = off
    if tax:
        receipt["tax"] = tax
        if on_top:
            receipt["tax_included"] = False
    receipt["total"] = lines - off_lines * off + on_top * tax if total is None else total


def _adding_up(
    total: Decimal | None, lines: Decimal, off: Decimal, tax: Decimal, included: bool | None
) -> tuple[bool, bool]:
    """Whether the discount of the receipt is beside those of its lines, and the tax on top of them: what comes to the
    total, else what is usual."""
    usual = (True, included is False)
    if total is None:
        return usual
    tops = (False, True) if included is None else (not included,)
    readings = [(off_lines, on_top) for off_lines in (True, False) for on_top in tops]
    sums = ((reading, lines - reading[0] * off + reading[1] * tax) for reading in readings)
    return next((reading for reading, found in sums if abs(abs(total) - abs(found)) < CENT), usual)


def _tax(receipt: dict[str, Any], retail: Node, items: list[Node]) -> Decimal:
    """Of the receipt's own lines of tax, else of the taxes of what was sold, else of the total."""
    said = _sum([inner for item in items for inner in item.all("Tax")])
    if said is None and any("tax" in line for line in receipt["lines"]):
        said = sum((line["tax"] for line in receipt["lines"] if "tax" in line), Decimal(0))
    return said or amount(_total(retail, "TransactionTaxAmount")) or Decimal(0)


def _grand(receipt: dict[str, Any], retail: Node) -> Decimal | None:
    """The total as the till says it, else what was paid, else the net amount."""
    said = amount(_total(retail, "TransactionGrandAmount"))
    if said is None and receipt.get("payments"):
        return sum((one["amount"] for one in receipt["payments"]), Decimal(0))
    return amount(_total(retail, "TransactionNetAmount")) if said is None else said


def _off(item: Node, quantity: Decimal, regular: Decimal | None) -> Decimal | None:
    off: Decimal | None = None
    for modifier in item.all("RetailPriceModifier"):
        if modifier.flag("VoidFlag"):
            continue
        found = modifier.first("Amount")
        value = amount(found)
        if found is None or value is None:
            continue
        action = found.attributes.get("Action", "Subtract")
        if action == "Replace":
            value = quantity * (regular - value) if regular is not None else Decimal(0)
        elif action == "Add":
            value = -abs(value)
        else:
            value = abs(value)
        off = (off or Decimal(0)) + value
    if off is None and (said := amount(item.first("ExtendedDiscountAmount"))) is not None:
        return abs(said)
    return off


def _name(item: Node) -> str:
    named = item.all("Description")
    plain = [one for one in named if one.attributes.get("TypeCode") != "Long"]
    return (plain or named)[0].text if named else ""


def _category(item: Node) -> str:
    levels = {
        one.attributes.get("Level") or one.attributes.get("ID") or "": one.text
        for one in reversed(item.all("MerchandiseHierarchy"))
    }
    for level in ("Department", "Merchandise", "Category", "Class"):
        if level in levels:
            return levels[level]
    return next(reversed(levels.values()), "")


def _sum(nodes: list[Node]) -> Decimal | None:
    found = [value for node in nodes if (value := amount(node.first("Amount"))) is not None]
    return sum(found, Decimal(0)) if found else None


def _total(retail: Node, kind: str) -> Node | None:
    return next((one for one in retail.all("Total") if one.attributes.get("TotalType") == kind), None)


def _tax_included(retail: Node) -> bool | None:
    for tax in retail.within("Tax"):
        for taxable in tax.all("TaxableAmount"):
            if "TaxIncludedInTaxableAmountFlag" in taxable.attributes:
                return taxable.flag("TaxIncludedInTaxableAmountFlag")
    return None


def _amount_of(line: dict[str, Any]) -> Decimal:
    found: Decimal = line["quantity"] * line["unit_price"] - line.get("discount", Decimal(0))
    return found
