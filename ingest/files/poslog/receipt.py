"""A transaction of a POSLog as a receipt, in the form that ``POST /v1/receipts`` takes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest.files.mapping import PoslogForm
from ingest.files.poslog.amounts import RETURNS, SALES, line_of, payment_of, settle
from ingest.files.poslog.node import Node
from ingest.files.values import RowError

UNFINISHED: Final = frozenset(
    {"voided", "canceled", "cancelled", "suspended", "suspendeddeleted", "suspendedretrieved", "failed", "aborted"}
)
"""States of a transaction in which nothing was sold."""
_VOIDS: Final = ("PostVoid", "PostVoidTransaction", "TransactionVoid", "VoidTransaction")
_CARDS: Final = ("LoyaltyAccountID", "LoyaltyCardID", "LoyaltyCardNumber", "LoyaltyID", "CardID")
_MAILS: Final = ("EMailAddress", "EmailAddress", "eMailAddress")


def receipt_of(transaction: Node, common: dict[str, str], form: PoslogForm) -> dict[str, Any] | None:
    """The receipt; None for what is none: a control or training transaction, one that was cancelled, suspended or
    voided before its end, one that neither sells nor takes back. ``common`` is what the document says of all its
    transactions. Raises ``RowError`` for a transaction that cannot be understood."""
    if transaction.flag("CancelFlag") or transaction.flag("TrainingModeFlag"):
        return None
    retail = transaction.first("RetailTransaction")
    status = retail.attributes.get("TransactionStatus", "").removeprefix("X:").lower() if retail is not None else ""
    if status in UNFINISHED:
        return None
    voided = _voided(transaction, retail, status)
    if voided is None and (retail is None or not _items(retail)):
        return None
    receipt = _head(transaction, common, form)
    if retail is not None:
        receipt["customer"] = _customer(retail, form)
    if voided is not None:
        return _cleaned(_void(receipt, voided, retail))
    assert retail is not None
    return _cleaned(_trade(receipt, retail))


def _head(transaction: Node, common: dict[str, str], form: PoslogForm) -> dict[str, Any]:
    store = (
        transaction.said("BusinessUnit", "UnitID")
        or transaction.said("RetailStoreID")
        or common.get("RetailStoreID", "")
    )
    number = transaction.said("SequenceNumber") or transaction.said("TransactionID")
    if not store or not number:
        raise RowError("it has no store (BusinessUnit/UnitID or RetailStoreID) or no SequenceNumber")
    return {
        "receipt_id": number,
        "store_id": store,
        "till_id": transaction.said("WorkstationID"),
        "business_date": (transaction.said("BusinessDayDate") or common.get("BusinessDayDate", ""))[:10],
        "sold_at": _sold_at(transaction, form.zones.get(store) or form.zone),
        "currency": _currency(transaction) or common.get("CurrencyCode", "") or form.currency or "",
        "cashier": transaction.said("OperatorID"),
        "receipt_number": transaction.said("ReceiptNumber") or transaction.said("RetailTransaction", "ReceiptNumber"),
    }


def _sold_at(transaction: Node, zone: str | None) -> str:
    written = transaction.said("EndDateTime") or transaction.said("BeginDateTime")
    if not written:
        raise RowError("it has neither EndDateTime nor BeginDateTime")
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise RowError(f"{written[:40]!r} is no time") from None
    if moment.tzinfo is not None:
        return moment.isoformat(timespec="milliseconds")
    if zone is None:
        raise RowError(
            f"{written[:40]!r} has no offset: say the zone of the store in a mapping, as `poslog: {{zone: …}}`"
        )
    return moment.replace(tzinfo=ZoneInfo(zone)).isoformat(timespec="milliseconds")


def _currency(transaction: Node) -> str:
    said = transaction.said("CurrencyCode") or transaction.said("RetailTransaction", "CurrencyCode")
    if said:
        return said
    for node in transaction.within("Total", "Amount", "ExtendedAmount", "ActualSalesUnitPrice"):
        if code := node.attributes.get("CurrencyCode") or node.attributes.get("Currency"):
            return code
    return ""


def _items(retail: Node) -> list[tuple[Node, bool]]:
    """What was sold, and what came back (True), without the lines that were voided."""
    return [
        (inner, inner.name in RETURNS)
        for item in retail.all("LineItem")
        if not item.flag("VoidFlag") and not item.flag("CancelFlag")
        for inner in item.all(*SALES, *RETURNS)
        if not inner.flag("VoidFlag")
    ]


def _trade(receipt: dict[str, Any], retail: Node) -> dict[str, Any]:
    items = _items(retail)
    back = [came_back for _, came_back in items]
    receipt["kind"] = "return" if all(back) else "exchange" if any(back) else "sale"
    receipt["lines"] = [line_of(item, back=came_back) for item, came_back in items]
    tenders = [tender for item in retail.all("LineItem") if not item.flag("VoidFlag") for tender in item.all("Tender")]
    receipt["payments"] = [payment for tender in tenders if (payment := payment_of(tender)) is not None]
    if receipt["kind"] != "sale":
        link = next((one for item, came_back in items if came_back for one in item.within("TransactionLink")), None)
        receipt["refers_to"] = _reference(link or retail.first("TransactionLink"))
    if any("employee" in one.attributes.get("MethodCode", "").lower() for one in retail.within("RetailPriceModifier")):
        receipt["staff"] = True
    settle(receipt, retail)
    if receipt["kind"] == "return":
        _turned_round(receipt)
    return receipt


def _turned_round(receipt: dict[str, Any]) -> None:
    """A return says what came back and what was paid back as positive numbers: its kind says the direction."""
    for name in ("total", "tax", "discount"):
        if name in receipt:
            receipt[name] = abs(receipt[name])
    for line in receipt["lines"]:
        for name in ("quantity", "discount", "tax"):
            if name in line:
                line[name] = abs(line[name])
    for payment in receipt["payments"]:
        payment["amount"] = abs(payment["amount"])


def _voided(transaction: Node, retail: Node | None, status: str) -> Node | None:
    """The link to the transaction that this one voids, or None. Raises ``RowError`` for a void of nothing."""
    for void in transaction.within(*_VOIDS):
        return next(void.within("TransactionLink"), void)
    for link in [*transaction.all("TransactionLink"), *(retail.all("TransactionLink") if retail is not None else [])]:
        reason = link.attributes.get("ReasonCode", "") + link.attributes.get("TypeCode", "")
        if status == "postvoided" or "void" in reason.lower():
            return link
    if status == "postvoided":
        raise RowError("it is a post-void without a TransactionLink that says what it voids")
    return None


def _void(receipt: dict[str, Any], voided: Node, retail: Node | None) -> dict[str, Any]:
    receipt["kind"] = "void"
    receipt["refers_to"] = _reference(voided)
    if receipt["refers_to"] is None:
        raise RowError("its TransactionLink has no SequenceNumber")
    receipt["lines"] = []
    receipt["total"] = Decimal(0)
    if retail is not None:
        settle(receipt, retail)
        receipt = {name: value for name, value in receipt.items() if name not in ("tax", "tax_included", "discount")}
        receipt["total"] = abs(receipt["total"])
    return receipt


def _reference(link: Node | None) -> dict[str, str] | None:
    """The key of the transaction that a link leads to; parts that it leaves out are those of the receipt itself."""
    if link is None or not (number := link.said("SequenceNumber") or link.said("TransactionID")):
        return None
    parts = {
        "receipt_id": number,
        "store_id": link.said("BusinessUnit", "UnitID") or link.said("RetailStoreID"),
        "till_id": link.said("WorkstationID"),
        "business_date": link.said("BusinessDayDate")[:10],
    }
    return {name: part for name, part in parts.items() if part}


def _customer(retail: Node, form: PoslogForm) -> dict[str, str]:
    found: dict[str, str] = {}
    customer = retail.first("Customer")
    if customer is not None:
        if form.customer_id:
            found[form.customer_id] = customer.said("CustomerID")
        found["email"] = next((node.text for node in customer.within(*_MAILS) if node.text), "")
        found["phone"] = _phone(customer)
    if form.loyalty_account:
        accounts = [*retail.all("LoyaltyAccount"), *(customer.all("LoyaltyAccount") if customer is not None else [])]
        cards = (node.text for account in accounts for node in account.within(*_CARDS) if node.text)
        if card := next(cards, ""):
            found[form.loyalty_account] = card
    return {name: value for name, value in found.items() if value}


def _phone(customer: Node) -> str:
    for node in customer.within("TelephoneNumber", "Telephone"):
        if full := node.said("FullTelephoneNumber"):
            return full
        if local := node.said("LocalNumber"):
            country = node.said("CountryCode").lstrip("+")
            return (f"+{country}" if country else "") + node.said("AreaCode") + local
        if node.text:
            return node.text
    return ""


def _cleaned(receipt: dict[str, Any]) -> dict[str, Any]:
    kept = ("lines",)
    return {name: value for name, value in receipt.items() if name in kept or value not in ("", None, {}, [])}
