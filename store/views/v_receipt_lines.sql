CREATE OR REPLACE VIEW v_receipt_lines
(
    customer_id String COMMENT 'Whose the receipt is; empty for nobody',
    message_id String COMMENT 'The receipt: its key, as in v_receipts',
    store_id String COMMENT 'The store, as the till names it',
    till_id String COMMENT 'The till; empty when none is said',
    business_date Date COMMENT 'The day that the till books it on',
    kind LowCardinality(String) COMMENT 'What the receipt is: sale, return, exchange or void',
    sold_at DateTime64(3, 'UTC') COMMENT 'When it was rung up',
    line UInt32 COMMENT 'Number of the line on the receipt, from 1',
    sku String COMMENT 'The article',
    name String COMMENT 'Its name, if the till says it',
    category String COMMENT 'Its category, if the till says it',
    quantity Decimal(38, 4) COMMENT 'How many, or how much; on an exchange less than 0 for what came back',
    unit_price Decimal(38, 4) COMMENT 'Price of one',
    discount Decimal(38, 4) COMMENT 'Off the line',
    amount Decimal(38, 4) COMMENT 'What the line comes to: quantity times unit_price, less discount',
    tax Nullable(Decimal(38, 4)) COMMENT 'Tax of the line; NULL when none is said',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the currency of all its amounts',
    is_voided UInt8 COMMENT '1 when the receipt is taken back by a void'
)
AS
SELECT
    customer_id,
    message_id,
    store_id,
    till_id,
    business_date,
    kind,
    sold_at,
    one.1 AS line,
    one.2 AS sku,
    one.3 AS name,
    one.4 AS category,
    one.5 AS quantity,
    one.6 AS unit_price,
    one.7 AS discount,
    toDecimal128(one.5 * one.6 - one.7, 4) AS amount,
    one.8 AS tax,
    currency,
    is_voided
FROM $receipts
ARRAY JOIN $receipt_lines AS one
COMMENT 'Every line of every receipt once'
