"""What tills write differently, and the receipt that it is."""

from __future__ import annotations

import pytest

from ingest.files.mapping import MappingError, PoslogForm, parse_mapping
from ingest.files.outcome import Problem, Skipped
from tests.tappa.imports.poslog.documents import document, item, outcomes, receipt, receipts, total, transaction

FIVE = item("<ActualSalesUnitPrice>5</ActualSalesUnitPrice>")
BACK = item("<ActualSalesUnitPrice>5</ActualSalesUnitPrice>", "Return")


@pytest.mark.parametrize(
    ("inside", "line"),
    [
        ("<ExtendedAmount>10</ExtendedAmount><Quantity>4</Quantity>", {"quantity": 4, "unit_price": 2.5}),
        ("<ExtendedAmount>10</ExtendedAmount><Quantity>3</Quantity>", {"quantity": 3, "unit_price": 3.3333}),
        (
            "<RegularSalesUnitPrice>10</RegularSalesUnitPrice><ActualSalesUnitPrice>8</ActualSalesUnitPrice>"
            "<Quantity>2</Quantity>",
            {"quantity": 2, "unit_price": 10, "discount": 4},
        ),
        (
            "<RegularSalesUnitPrice>10</RegularSalesUnitPrice><RetailPriceModifier><Amount Action='Replace'>7</Amount>"
            "</RetailPriceModifier><Quantity>2</Quantity>",
            {"quantity": 2, "unit_price": 10, "discount": 6},
        ),
        (
            "<RegularSalesUnitPrice>10</RegularSalesUnitPrice><RetailPriceModifier><Amount Action='Add'>1</Amount>"
            "</RetailPriceModifier>",
            {"quantity": 1, "unit_price": 10, "discount": -1},
        ),
        (
            "<RegularSalesUnitPrice>10</RegularSalesUnitPrice><RetailPriceModifier VoidFlag='true'><Amount>9</Amount>"
            "</RetailPriceModifier><RetailPriceModifier><Amount>-2</Amount></RetailPriceModifier><RetailPriceModifier>"
            "<Amount>1</Amount></RetailPriceModifier>",
            {"quantity": 1, "unit_price": 10, "discount": 3},
        ),
        (
            "<RegularSalesUnitPrice>10</RegularSalesUnitPrice><ExtendedDiscountAmount>2</ExtendedDiscountAmount>",
            {"quantity": 1, "unit_price": 10, "discount": 2},
        ),
        (
            "<ActualSalesUnitPrice>2.50</ActualSalesUnitPrice><Quantity>0.375</Quantity>",
            {"quantity": 0.375, "unit_price": 2.5},
        ),
    ],
)
def test_prices_quantities_and_discounts_of_a_line(inside: str, line: dict[str, float]) -> None:
    assert receipt(item(inside))["lines"] == [{"sku": "A"} | line]


def test_lines_that_were_voided_are_not_on_the_receipt() -> None:
    assert len(receipt(FIVE, item("", attributes='VoidFlag="true"'), total("5"))["lines"]) == 1


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (total("4.00") + "<LineItem><Discount><Amount>1</Amount></Discount></LineItem>", {"total": 4, "discount": 1}),
        (total("5.00") + "<LineItem><Discount><Amount>1</Amount></Discount></LineItem>", {"total": 5}),
        (total("5.00") + "<LineItem><Tax><Amount>1</Amount></Tax></LineItem>", {"total": 5, "tax": 1}),
        (
            total("6.00") + "<LineItem><Tax><Amount>1</Amount></Tax></LineItem>",
            {"total": 6, "tax": 1, "tax_included": False},
        ),
        (total("5.00") + '<Total TotalType="TransactionTaxAmount">0.9</Total>', {"total": 5, "tax": 0.9}),
        (total("3.33"), {"total": 3.33}),
        ('<Total TotalType="TransactionNetAmount">4.50</Total>', {"total": 4.5}),
        ("", {"total": 5}),
    ],
)
def test_what_is_said_of_the_whole_receipt_is_read_as_it_adds_up(inside: str, said: dict[str, float]) -> None:
    found = receipt(FIVE, inside)
    assert {name: found[name] for name in ("total", "discount", "tax", "tax_included") if name in found} == said


def test_without_a_total_it_is_what_was_paid_less_the_change() -> None:
    paid = "<LineItem><Tender TenderType='X:Voucher'><Amount>2</Amount></Tender></LineItem>"
    cash = "<LineItem><Tender TenderType='Cash'><Amount>10</Amount></Tender></LineItem>"
    change = "<LineItem><Tender TenderType='Cash' TypeCode='Change'><Amount>7.50</Amount></Tender></LineItem>"
    found = receipt(FIVE, paid, cash, change)
    assert found["total"] == 4.5
    assert found["payments"] == [
        {"method": "Voucher", "amount": 2}, {"method": "Cash", "amount": 10}, {"method": "Cash", "amount": -7.5},
    ]  # fmt: skip


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_return_has_positive_numbers_whatever_the_till_writes(sign: str) -> None:
    price = f"<ActualSalesUnitPrice>5</ActualSalesUnitPrice><Quantity>{sign}2</Quantity>"
    tax = f"<Tax><Amount>{sign}1</Amount></Tax>"
    refund = f"<LineItem><Tender TenderType='Cash' TypeCode='Refund'><Amount>{sign}11</Amount></Tender></LineItem>"
    found = receipt(item(price + tax, "Return"), refund, total(f"{sign}11"))
    assert (found["kind"], found["total"], found["tax"], found["tax_included"]) == ("return", 11, 1, False)
    assert found["lines"] == [{"sku": "A", "quantity": 2, "unit_price": 5, "tax": 1}]
    assert found["payments"] == [{"method": "Cash", "amount": 11}]
    assert "refers_to" not in found


def test_an_exchange_that_pays_back_has_a_total_below_zero() -> None:
    dear = item("<ActualSalesUnitPrice>9</ActualSalesUnitPrice>", "Return")
    refund = "<LineItem><Tender TenderType='Cash' TypeCode='Refund'><Amount>4</Amount></Tender></LineItem>"
    found = receipt(FIVE, dear, refund)
    assert (found["kind"], found["total"], [line["quantity"] for line in found["lines"]]) == ("exchange", -4, [1, -1])


@pytest.mark.parametrize(
    "voiding",
    [
        transaction('<TransactionLink ReasonCode="PostVoid"><SequenceNumber>1</SequenceNumber></TransactionLink>', 2),
        transaction(
            "<TransactionLink><SequenceNumber>1</SequenceNumber></TransactionLink>",
            2,
            retail='TransactionStatus="PostVoided"',
        ),
        transaction("<PostVoid><SequenceNumber>1</SequenceNumber></PostVoid>", 2),
        transaction(FIVE + '<TransactionLink TypeCode="Void"><SequenceNumber>1</SequenceNumber></TransactionLink>', 2),
    ],
)
def test_a_post_void_is_said_in_several_ways_and_has_the_customer_of_its_sale(voiding: str) -> None:
    sale, void = receipts(document(transaction(FIVE + "<Customer><CustomerID>7</CustomerID></Customer>"), voiding))
    assert (void["kind"], void["refers_to"], void["receipt_id"]) == ("void", {"receipt_id": "1"}, "2")
    assert void["customer"] == sale["customer"] == {"user_id": "7"}


def test_what_takes_back_and_names_somebody_keeps_its_own_customer() -> None:
    named = "<Customer><CustomerID>8</CustomerID></Customer>"
    link = "<TransactionLink ReasonCode='Return'><SequenceNumber>1</SequenceNumber></TransactionLink>"
    sale = transaction(FIVE + "<Customer><CustomerID>7</CustomerID></Customer>")
    found = receipts(
        document(sale, transaction(BACK + link + named, 2), transaction(BACK + link, 3), transaction(BACK, 4))
    )
    assert [one.get("customer") for one in found[1:]] == [{"user_id": "8"}, {"user_id": "7"}, None]


@pytest.mark.parametrize(
    ("transaction", "reason"),
    [
        (transaction(FIVE, retail='TransactionStatus="PostVoided"'), "post-void without a TransactionLink"),
        (transaction("<PostVoid/>"), "TransactionLink has no SequenceNumber"),
        (transaction("<LineItem><Sale><Quantity>1</Quantity></Sale></LineItem>"), "neither ItemID nor POSIdentity"),
        (
            transaction(item("<Quantity>1</Quantity>")),
            "no RegularSalesUnitPrice, ActualSalesUnitPrice or ExtendedAmount",
        ),
        (transaction(item("<ActualSalesUnitPrice>NaN</ActualSalesUnitPrice>")), "'NaN' is no number"),
        (transaction(FIVE).replace("<SequenceNumber>1</SequenceNumber>", ""), "no store"),
        (transaction(FIVE).replace("2026-03-01T10:00:00Z", "noon"), "'noon' is no time"),
        (transaction(FIVE).replace("10:00:00Z", "10:00:00"), "has no offset: say the zone of the store in a mapping"),
        (transaction(FIVE).replace("EndDateTime", "SomeTime"), "neither EndDateTime nor BeginDateTime"),
    ],
)
def test_what_cannot_be_understood_is_told_and_the_rest_goes_on(transaction: str, reason: str) -> None:
    bad, good = outcomes(document(transaction, FIVE_MORE))
    assert isinstance(bad, Problem)
    assert reason in bad.reason
    assert good.line == 2


FIVE_MORE = transaction(FIVE, 2)


@pytest.mark.parametrize(
    "nothing",
    [
        transaction(FIVE, attributes='CancelFlag="true"'),
        transaction(FIVE, attributes='TrainingModeFlag="1"'),
        *(
            transaction(FIVE, retail=f'TransactionStatus="{status}"')
            for status in ("Voided", "Suspended", "SuspendedRetrieved", "X:Failed", "Canceled")
        ),
        transaction("<LineItem><Tender><Amount>5</Amount></Tender></LineItem>"),
    ],
)
def test_what_is_no_sale_is_left_out(nothing: str) -> None:
    assert outcomes(document(nothing)) == [Skipped(line=1)]


def test_a_mapping_says_who_the_customer_is_and_when_it_was() -> None:
    people = (
        "<Customer><CustomerID>7</CustomerID></Customer><LoyaltyAccount><LoyaltyProgram><LoyaltyAccountID>9</LoyaltyAccountID>"
        "<LoyaltyAccountID>10</LoyaltyAccountID></LoyaltyProgram></LoyaltyAccount>"
    )
    content = document(transaction(FIVE + people).replace("10:00:00Z", "10:00:00"))

    def found(**said: object) -> tuple[object, str]:
        (only,) = receipts(content, PoslogForm.model_validate(said))
        return only.get("customer"), only["sold_at"]

    assert found(zone="Europe/Rome") == ({"user_id": "7", "loyalty_card": "9"}, "2026-03-01T10:00:00.000+01:00")
    assert found(zone="UTC", zones={"S": "Asia/Tokyo"}, customer_id="crm", loyalty_account=None) == (
        {"crm": "7"},
        "2026-03-01T10:00:00.000+09:00",
    )


def test_a_zone_that_nobody_has_is_a_mistake_of_the_mapping() -> None:
    with pytest.raises(MappingError, match="no time zone 'Europe/Atlantis'"):
        parse_mapping("version: 1\nposlog: {zone: Europe/Atlantis}\n", "m.yaml")
