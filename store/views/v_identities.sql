CREATE OR REPLACE VIEW v_identities
(
    kind String COMMENT 'Kind of the identifier: user, device, receipt (a receipt''s own key), or a contact''s: loyalty_card, email, phone …',
    value String COMMENT 'The identifier without its kind',
    identifier String COMMENT 'The identifier, as kind:value',
    customer_id String COMMENT 'Whose it is today; empty for nobody: a contact or device that is shared, a receipt that nobody claimed',
    valid_from DateTime64(3, 'UTC') COMMENT 'Whose the touchpoints from this time on are; 1970 for ever. Only a device''s customer changes with time',
    valid_to Nullable(DateTime64(3, 'UTC')) COMMENT 'Up to when, that time not included; NULL while it lasts'
)
AS
WITH
    if(notEmpty(known.valid_from), known.valid_from, [toDateTime64(0, 3, 'UTC')]) AS since,
    if(notEmpty(known.valid_from), known.customer_id, [if(startsWith(seen.identifier, 'receipt:'), '', seen.identifier)]) AS whose
SELECT
    substringIndex(seen.identifier, ':', 1) AS kind,
    substring(seen.identifier, length(kind) + 2) AS value,
    seen.identifier AS identifier,
    stretch.1 AS customer_id,
    stretch.2 AS valid_from,
    stretch.3 AS valid_to
FROM
(
    -- An alias says something of its previous id as a user's, unless it is its own or its own device's, and as a device's.
    SELECT DISTINCT identifier
    FROM touchpoints
    ARRAY JOIN arrayConcat(
        contacts,
        if(user_id = '', [], [concat('user:', user_id)]),
        if(anonymous_id = '', [], [concat('device:', anonymous_id)]),
        if(previous_id = '' OR user_id = '', [], [concat('device:', previous_id)]),
        if(previous_id IN ('', user_id, anonymous_id) OR user_id = '', [], [concat('user:', previous_id)])
    ) AS identifier
) AS seen
LEFT JOIN
(
    SELECT identifier, valid_from, customer_id
    FROM identities FINAL
) AS known ON known.identifier = seen.identifier
ARRAY JOIN arrayZip(whose, since, arrayPushBack(arrayPopFront(arrayMap(at -> toNullable(at), since)), NULL)) AS stretch
COMMENT 'One row per identifier ever seen and stretch of time: which customer it leads to'
