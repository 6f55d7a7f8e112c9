CREATE OR REPLACE VIEW v_stores
(
    store_id String COMMENT 'The store, as receipts name it',
    is_listed UInt8 COMMENT '1 when the store directory has it; 0: only receipts or other touchpoints name it',
    name String COMMENT 'Its name; this and what follows as the directory says it, empty or NULL where it says nothing',
    street String COMMENT 'Street and number',
    place String COMMENT 'Town',
    region String COMMENT 'Province, state or the company''s own region',
    postcode String COMMENT 'Postcode',
    country String COMMENT 'ISO 3166 code of the country, two letters',
    time_zone String COMMENT 'Name of its time zone, such as Europe/Rome',
    opened_on Nullable(Date32) COMMENT 'First day on which it was open',
    closed_on Nullable(Date32) COMMENT 'Last day on which it was open',
    opening_hours String COMMENT 'When it is open, as the file says it',
    latitude Nullable(Float64) COMMENT 'Degrees north',
    longitude Nullable(Float64) COMMENT 'Degrees east',
    receipts UInt64 COMMENT 'Receipts of every kind, voids and voided sales included: the rows of v_receipts',
    first_receipt_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the first of them was rung up; NULL without receipts',
    last_receipt_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the last of them was rung up',
    revenue_by_currency Map(LowCardinality(String), Decimal(38, 4)) COMMENT 'What its receipts come to by currency: returns taken off, voided sales left out',
    touchpoints UInt64 COMMENT 'Touchpoints that name it: receipts, and what says store_id in its properties',
    updated_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the directory''s row was loaded'
)
AS
SELECT
    store_id,
    max(listed) AS is_listed,
    max(stores.name) AS name,
    max(stores.street) AS street,
    max(stores.place) AS place,
    max(stores.region) AS region,
    max(stores.postcode) AS postcode,
    max(stores.country) AS country,
    max(stores.time_zone) AS time_zone,
    max(stores.opened_on) AS opened_on,
    max(stores.closed_on) AS closed_on,
    max(stores.opening_hours) AS opening_hours,
    max(stores.latitude) AS latitude,
    max(stores.longitude) AS longitude,
    sum(stores.receipts) AS receipts,
    min(stores.first_receipt_at) AS first_receipt_at,
    max(stores.last_receipt_at) AS last_receipt_at,
    CAST(arraySort(groupArrayArray(money)), 'Map(LowCardinality(String), Decimal(38, 4))') AS revenue_by_currency,
    sum(stores.touchpoints) AS touchpoints,
    max(stores.updated_at) AS updated_at
FROM
(
    -- Of each store one row at most of each of the three: so max is what the only one says.
    SELECT
        store_id,
        1 AS listed,
        name,
        street,
        place,
        region,
        postcode,
        toString(country) AS country,
        toString(time_zone) AS time_zone,
        opened_on,
        closed_on,
        opening_hours,
        latitude,
        longitude,
        0 AS receipts,
        CAST(NULL, 'Nullable(DateTime64(3, \'UTC\'))') AS first_receipt_at,
        CAST(NULL, 'Nullable(DateTime64(3, \'UTC\'))') AS last_receipt_at,
        CAST([], 'Array(Tuple(String, Decimal(38, 4)))') AS money,
        0 AS touchpoints,
        CAST(updated_at, 'Nullable(DateTime64(6, \'UTC\'))') AS updated_at
    FROM stores FINAL
    WHERE NOT is_removed
    UNION ALL
    SELECT
        store_id,
        0,
        '', '', '', '', '', '', '',
        NULL, NULL,
        '',
        NULL, NULL,
        sum(count),
        min(first_at),
        max(last_at),
        groupArrayIf((toString(currency), sum), counting > 0),
        sum(count),
        NULL
    FROM
    (
        SELECT
            store_id,
            currency,
            count() AS count,
            min(sold_at) AS first_at,
            max(sold_at) AS last_at,
            countIf(kind != 'void' AND NOT is_voided) AS counting,
            sumIf(toDecimal128(ifNull(if(kind = 'return', -abs(total), total), 0), 4), kind != 'void' AND NOT is_voided) AS sum
        FROM $receipts
        GROUP BY store_id, currency
    )
    GROUP BY store_id
    UNION ALL
    SELECT
        store_id,
        0,
        '', '', '', '', '', '', '',
        NULL, NULL,
        '',
        NULL, NULL,
        0,
        NULL, NULL,
        [],
        count(),
        NULL
    FROM
    (
        SELECT
            -- Tills number with and without quotes. A JSON text may spell any letter as an escape.
            trim(BOTH '" ' FROM if(
                JSONType(properties, 'store_id') = 'String',
                JSONExtractString(properties, 'store_id'),
                JSONExtractRaw(properties, 'store_id')
            )) AS store_id
        FROM $owned_touchpoints AS t
        WHERE type != 'receipt'
            AND (position(properties, '"store_id"') > 0 OR position(properties, '\\u') > 0)
            AND JSONType(properties, 'store_id') IN ('String', 'Int64', 'UInt64')
    )
    WHERE store_id != ''
    GROUP BY store_id
) AS stores
GROUP BY store_id
COMMENT 'One row per store that the store directory, a receipt or another touchpoint names'
