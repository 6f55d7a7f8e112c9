CREATE OR REPLACE VIEW v_receipts
(
    customer_id String COMMENT 'Whose it is; empty for nobody: it names nobody and nobody has claimed it, or names only what is shared',
    message_id String COMMENT 'Its key: receipt:store/till/date/number, as in v_touchpoints',
    source LowCardinality(String) COMMENT 'Name of the source (a till, a head office …) whose write key brought it',
    store_id String COMMENT 'The store, as the till names it: stores says where it is',
    till_id String COMMENT 'The till; empty when none is said',
    business_date Date COMMENT 'The day that the till books it on; it may differ from the calendar day of sold_at',
    receipt_id String COMMENT 'Its number',
    kind LowCardinality(String) COMMENT 'sale, return, exchange or void',
    sold_at DateTime64(3, 'UTC') COMMENT 'When it was rung up',
    sold_at_local String COMMENT 'The same as the till wrote it, with the offset of the place',
    received_at DateTime64(3, 'UTC') COMMENT 'When ingest received it (the first time, if copies came)',
    total Nullable(Decimal(18, 4)) COMMENT 'What was paid; of a return what was paid back, in the sign in which it was sent',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the currency of all its amounts',
    lines UInt32 COMMENT 'How many lines it has: v_receipt_lines has them',
    lines_total Decimal(38, 4) COMMENT 'What its lines come to, their discounts taken off',
    discount Decimal(38, 4) COMMENT 'Off the whole receipt, beside what is off its lines',
    tax Nullable(Decimal(38, 4)) COMMENT 'Taxes; NULL when none are said',
    difference Nullable(Decimal(38, 4)) COMMENT 'By how much total is more than its lines, discount and tax come to; not 0: it does not add up. NULL without lines',
    payments Array(Tuple(method String, amount Nullable(Decimal(38, 4)))) COMMENT 'How it was paid: one entry for each means of payment',
    is_staff UInt8 COMMENT '1 for a sale to staff',
    refers_to String COMMENT 'Of a return, exchange or void: message_id of the sale',
    is_voided UInt8 COMMENT '1 when a void of the same customer takes it back: it counts for nothing',
    contacts Array(String) COMMENT 'Contact identifiers as kind:value; its own key when it names nobody',
    user_id String COMMENT 'The user, as the till names them'
)
AS
WITH
    $receipt_lines AS each,
    toDecimal128(arraySum(one -> one.5 * one.6 - one.7, each), 4) AS sum,
    toDecimal128OrZero(trim(BOTH '" ' FROM JSONExtractRaw(properties, 'discount')), 4) AS off,
    toDecimal128OrNull(trim(BOTH '" ' FROM JSONExtractRaw(properties, 'tax')), 4) AS taxes,
    sum - off + if(JSONExtractRaw(properties, 'tax_included') = 'false', ifNull(taxes, 0), 0) AS expected
SELECT
    customer_id,
    message_id,
    source,
    store_id,
    till_id,
    business_date,
    receipt_id,
    kind,
    sold_at,
    JSONExtractString(properties, 'sold_at') AS sold_at_local,
    received_at,
    total,
    currency,
    length(each) AS lines,
    sum AS lines_total,
    off AS discount,
    taxes AS tax,
    if(empty(each), NULL, if(kind = 'return', abs(total) - abs(expected), total - expected)) AS difference,
    arrayMap(
        one -> (
            if(JSONHas(one, 'method'), JSONExtractString(one, 'method'), JSONExtractString(one, 'kind')),
            toDecimal128OrNull(trim(BOTH '" ' FROM JSONExtractRaw(one, 'amount')), 4)
        ),
        JSONExtractArrayRaw(properties, 'payments')
    ) AS payments,
    JSONExtractBool(properties, 'staff') AS is_staff,
    refers_to,
    is_voided,
    contacts,
    user_id
FROM $receipts
COMMENT 'Every receipt once, voids and voided sales included'
