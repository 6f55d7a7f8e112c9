CREATE OR REPLACE VIEW v_profiles
(
    customer_id String COMMENT 'The customer, as kind:value (user:42, loyalty_card:9900, device:3f…)',
    identifiers Array(String) COMMENT 'All that is theirs, as kind:value, sorted; devices that were theirs for a time included',
    first_seen DateTime64(3, 'UTC') COMMENT 'Time of the first touchpoint',
    last_seen DateTime64(3, 'UTC') COMMENT 'Time of the last touchpoint',
    traits Map(String, String) COMMENT 'What identify messages say of the customer, each trait as told last in time, as JSON (read texts with JSONExtractString(traits[''city''])); one told as null last is left out',
    traits_at Map(String, DateTime64(3, 'UTC')) COMMENT 'When each of these traits was told',
    traits_source Map(String, String) COMMENT 'Name of the source that told it',
    group_traits Map(String, String) COMMENT 'What group messages say of the customer''s company or household, likewise',
    group_traits_at Map(String, DateTime64(3, 'UTC')) COMMENT 'When each of these traits was told',
    group_traits_source Map(String, String) COMMENT 'Name of the source that told it',
    consent Map(String, Bool) COMMENT 'What the customer consents to, or not, by purpose, as told last in time: from context.consent.categoryPreferences',
    consent_at Map(String, DateTime64(3, 'UTC')) COMMENT 'When that was told'
)
AS
SELECT
    told.customer_id AS customer_id,
    known.identifiers AS identifiers,
    told.first_seen AS first_seen,
    told.last_seen AS last_seen,
    CAST(arrayMap(one -> (one.name, one.value), told.traits), 'Map(String, String)') AS traits,
    CAST(arrayMap(one -> (one.name, one.at), told.traits), 'Map(String, DateTime64(3, \'UTC\'))') AS traits_at,
    CAST(arrayMap(one -> (one.name, one.source), told.traits), 'Map(String, String)') AS traits_source,
    CAST(arrayMap(one -> (one.name, one.value), told.group_traits), 'Map(String, String)') AS group_traits,
    CAST(arrayMap(one -> (one.name, one.at), told.group_traits), 'Map(String, DateTime64(3, \'UTC\'))') AS group_traits_at,
    CAST(arrayMap(one -> (one.name, one.source), told.group_traits), 'Map(String, String)') AS group_traits_source,
    CAST(arrayMap(one -> (one.name, one.value = 'true'), told.consent), 'Map(String, Bool)') AS consent,
    CAST(arrayMap(one -> (one.name, one.at), told.consent), 'Map(String, DateTime64(3, \'UTC\'))') AS consent_at
FROM
(
    SELECT
        customer_id,
        min(first_at) AS first_seen,
        max(last_at) AS last_seen,
        arraySort(groupArrayIf(last, kind = 'trait' AND last.value != 'null')) AS traits,
        arraySort(groupArrayIf(last, kind = 'group trait' AND last.value != 'null')) AS group_traits,
        arraySort(groupArrayIf(last, kind = 'consent')) AS consent
    FROM
    (
        SELECT
            customer_id,
            kind,
            name,
            min(occurred_at) AS first_at,
            max(occurred_at) AS last_at,
            CAST(
                argMaxIf(
                    (name, value, occurred_at, toString(source)),
                    (occurred_at, message_id, toString(source), identifiers, original_timestamp, number),
                    kind != ''
                ),
                'Tuple(name String, value String, at DateTime64(3, \'UTC\'), source String)'
            ) AS last
        FROM
        (
            SELECT
                customer_id,
                occurred_at,
                message_id,
                source,
                identifiers,
                original_timestamp,
                number,
                said.1 AS kind,
                said.2.1 AS name,
                said.2.2 AS value
            FROM
            (
                SELECT
                    t.customer_id AS customer_id,
                    t.occurred_at AS occurred_at,
                    t.message_id AS message_id,
                    t.source AS source,
                    t.identifiers AS identifiers,
                    t.original_timestamp AS original_timestamp,
                    arrayConcat(
                        if(
                            t.type IN ('identify', 'group') AND t.traits != '',
                            arrayMap(
                                told -> (if(t.type = 'identify', 'trait', 'group trait'), told),
                                JSONExtractKeysAndValuesRaw(t.traits)
                            ),
                            []
                        ),
                        -- A JSON text may spell any letter as an escape.
                        if(
                            position(t.context, '"consent"') > 0 OR position(t.context, '\\u') > 0,
                            arrayMap(
                                told -> ('consent', told),
                                arrayFilter(
                                    told -> told.2 IN ('true', 'false'),
                                    JSONExtractKeysAndValuesRaw(t.context, 'consent', 'categoryPreferences')
                                )
                            ),
                            []
                        )
                    ) AS all_said
                FROM $owned_touchpoints AS t
                WHERE t.customer_id != ''
            )
            LEFT ARRAY JOIN all_said AS said, arrayEnumerate(all_said) AS number
        )
        GROUP BY customer_id, kind, name
    )
    GROUP BY customer_id
) AS told
INNER JOIN
(
    SELECT customer_id, arraySort(groupUniqArray(identifier)) AS identifiers
    FROM v_identities
    GROUP BY customer_id
) AS known ON known.customer_id = told.customer_id
WHERE told.customer_id GLOBAL IN (
    SELECT customer_id
    FROM customers FINAL
    WHERE $serving AND NOT is_deleted
)
COMMENT 'One row per customer: what is known of them, from all identifiers that are theirs today'
