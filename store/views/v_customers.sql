CREATE OR REPLACE VIEW v_customers
(
    customer_id String COMMENT 'The customer, as kind:value (user:42, loyalty_card:9900, device:3f…)',
    model LowCardinality(String) COMMENT 'Name of the journey model',
    stage String COMMENT 'The stage the customer is in',
    stage_since DateTime64(3, 'UTC') COMMENT 'When the present stage visit began',
    highest_stage String COMMENT 'The furthest stage reached so far, by the model''s order of stages',
    first_touch_at DateTime64(3, 'UTC') COMMENT 'Time of the first touchpoint',
    last_touch_at DateTime64(3, 'UTC') COMMENT 'Time of the last touchpoint',
    touchpoints UInt64 COMMENT 'Number of touchpoints, without voided sales and voids',
    purchases UInt64 COMMENT 'Number of sales (orders and receipts), without voided ones',
    revenue Decimal(38, 4) COMMENT 'Money taken in the reporting currency of the settings, returns taken off',
    revenue_by_currency Map(LowCardinality(String), Decimal(38, 4)) COMMENT 'Money taken, returns taken off, by currency'
)
AS
WITH
    -- Visits that silence brings count when their time has come.
    visits_past + arrayCount(due_at -> due_at <= now64(3), arraySlice(visits.entered_at, visits_past + 1)) AS visit
SELECT
    customer_id,
    model,
    visits.stage[visit] AS stage,
    visits.entered_at[visit] AS stage_since,
    visits.highest_stage[visit] AS highest_stage,
    first_touch_at,
    last_touch_at,
    touchpoints,
    purchases,
    revenue_by_currency[$reporting_currency] AS revenue,
    revenue_by_currency
FROM customers FINAL
WHERE $serving AND NOT is_deleted
COMMENT 'One row per customer and journey model, as of now'
