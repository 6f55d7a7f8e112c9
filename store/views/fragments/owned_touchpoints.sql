(
    -- Every touchpoint once, with whose it is today: the customer of the identifier that it is filed under, at its time.
    -- One without a row is its own customer; a receipt's own key is nobody's.
    SELECT
        if(empty(filed.valid_from), filed_under, filed.customer_id[arrayCount(since -> since <= t.occurred_at, filed.valid_from)])
            AS customer_of_home,
        if(customer_of_home = '', beyond.customer_id, customer_of_home) AS customer_id,
        t.*
    FROM
    (
        SELECT *, identifiers, filed_under
        FROM touchpoints FINAL
    ) AS t
    LEFT JOIN
    (
        SELECT identifier, valid_from, customer_id
        FROM identities FINAL
    ) AS filed ON filed.identifier = t.home
    LEFT JOIN
    (
        -- Those that are filed under nobody, a shared contact or a receipt's own key, and carry more: the first of their
        -- other contacts that is somebody's, else the device. They lie together, and are few.
        SELECT identity, argMinIf(customer, number, customer != '') AS customer_id
        FROM
        (
            SELECT
                identity,
                number,
                multiIf(
                    notEmpty(one.valid_from),
                    one.customer_id[arrayCount(since -> since <= occurred_at, one.valid_from)],
                    startsWith(carried, 'receipt:'),
                    '',
                    carried
                ) AS customer
            FROM
            (
                SELECT identity, occurred_at, number, carried
                FROM
                (
                    SELECT
                        identity,
                        occurred_at,
                        arrayConcat(
                            arraySort(contact -> (startsWith(contact, 'receipt:'), contact), contacts),
                            if(anonymous_id = '', [], [concat('device:', anonymous_id)])
                        ) AS all_carried
                    FROM touchpoints FINAL
                    WHERE filed_under GLOBAL IN (
                            SELECT ''
                            UNION ALL
                            SELECT identifier
                            FROM identities FINAL
                            WHERE customer_id = ['']
                        )
                        AND user_id = ''
                        AND length(contacts) + (anonymous_id != '') > 1
                )
                ARRAY JOIN all_carried AS carried, arrayEnumerate(all_carried) AS number
            ) AS several
            LEFT JOIN
            (
                SELECT identifier, valid_from, customer_id
                FROM identities FINAL
            ) AS one ON one.identifier = several.carried
        )
        GROUP BY identity
    ) AS beyond ON beyond.identity = t.identity
)
