(
    -- Every receipt once, with whose it is and the parts of its key. A void takes back what it refers to if both are the same
    -- customer's, as in the fold.
    SELECT
        t.customer_id AS customer_id,
        t.message_id AS message_id,
        t.source AS source,
        arrayMap(part -> replaceAll(replaceAll(part, '%2F', '/'), '%25', '%'), splitByChar('/', substring(t.message_id, 9))) AS parts,
        parts[1] AS store_id,
        parts[2] AS till_id,
        toDateOrZero(parts[3]) AS business_date,
        parts[4] AS receipt_id,
        t.transaction AS kind,
        t.occurred_at AS sold_at,
        t.received_at AS received_at,
        t.value AS total,
        t.currency AS currency,
        t.refers_to AS refers_to,
        t.contacts AS contacts,
        t.user_id AS user_id,
        t.properties AS properties,
        kind IN ('sale', 'exchange')
            AND countIf(kind = 'void') OVER (PARTITION BY customer_id, if(kind = 'void', refers_to, message_id)) > 0
            AS is_voided
    FROM $owned_touchpoints AS t
    WHERE t.type = 'receipt'
)
