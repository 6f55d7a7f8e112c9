CREATE OR REPLACE VIEW v_customers_at
AS
SELECT
    journeys.customer_id AS customer_id,
    journeys.model AS model,
    journeys.stage AS stage,
    journeys.stage_since AS stage_since,
    journeys.highest_stage AS highest_stage,
    facts.first_touch_at AS first_touch_at,
    facts.last_touch_at AS last_touch_at,
    facts.touchpoints AS touchpoints,
    facts.purchases AS purchases,
    facts.revenue_by_currency[$reporting_currency] AS revenue,
    facts.revenue_by_currency AS revenue_by_currency
FROM
(
    SELECT
        customer_id,
        model,
        arrayCount(entered_at -> entered_at <= {at:DateTime64(3, 'UTC')}, visits.entered_at) AS visit,
        visits.stage[visit] AS stage,
        visits.entered_at[visit] AS stage_since,
        visits.highest_stage[visit] AS highest_stage
    FROM customers FINAL
    WHERE $serving AND NOT is_deleted AND visit > 0
) AS journeys
INNER JOIN
(
    SELECT
        customer_id,
        min(first_at) AS first_touch_at,
        max(last_at) AS last_touch_at,
        sum(applied) AS touchpoints,
        sum(sales) AS purchases,
        CAST(arraySort(groupArrayIf((currency, money), moneys > 0)), 'Map(LowCardinality(String), Decimal(38, 4))')
            AS revenue_by_currency
    FROM
    (
        SELECT
            t.customer_id AS customer_id,
            currency,
            min(occurred_at) AS first_at,
            max(occurred_at) AS last_at,
            count() AS applied,
            countIf(transaction = 'sale') AS sales,
            countIf(transaction IN ('sale', 'return', 'exchange') AND value IS NOT NULL) AS moneys,
            sumIf(
                ifNull(if(transaction = 'return', -abs(value), value), 0), transaction IN ('sale', 'return', 'exchange')
            ) AS money
        FROM $owned_touchpoints AS t
        -- A voided sale counts as never sent, whenever the void came.
        LEFT JOIN
        (
            SELECT DISTINCT void.customer_id AS customer_id, void.refers_to AS message_id, 1 AS gone
            FROM $owned_touchpoints AS void
            WHERE transaction = 'void' AND refers_to != ''
        ) AS voided ON voided.customer_id = t.customer_id AND voided.message_id = t.message_id
        WHERE occurred_at <= {at:DateTime64(3, 'UTC')}
            AND t.customer_id != ''
            AND transaction != 'void'
            AND NOT (transaction IN ('sale', 'exchange') AND gone = 1)
        GROUP BY customer_id, currency
    )
    GROUP BY customer_id
) AS facts ON facts.customer_id = journeys.customer_id
COMMENT 'One row per customer and journey model, as of a moment, past or to come: v_customers_at(at = ''2025-03-01 12:00:00'')'
