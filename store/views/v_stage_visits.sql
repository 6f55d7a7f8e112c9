CREATE OR REPLACE VIEW v_stage_visits
(
    customer_id String COMMENT 'Whose visit it is',
    model LowCardinality(String) COMMENT 'Name of the journey model',
    seq UInt32 COMMENT 'Number of the visit: 1 for the customer''s first under this model',
    stage String COMMENT 'The stage visited',
    entered_at DateTime64(3, 'UTC') COMMENT 'When the visit began',
    left_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the next visit began; NULL while the customer is there',
    duration Nullable(Float64) COMMENT 'Seconds from entered_at to left_at; NULL while the customer is there',
    from_stage String COMMENT 'The stage before; empty for the first visit',
    label String COMMENT 'Label of the move that began the visit, if it has one',
    cause_message_id String COMMENT 'message_id of the touchpoint that began the visit; empty when silence did',
    cause_event String COMMENT 'Event of that touchpoint; empty when silence began the visit',
    cause_channel String COMMENT 'Channel of that touchpoint; empty when silence began the visit'
)
AS
SELECT
    customer_id,
    model,
    seq,
    stage,
    entered_at,
    if(seq < here, nullIf(all_entered_at[seq + 1], toDateTime64(-1, 3, 'UTC')), NULL) AS left_at,
    (toUnixTimestamp64Milli(left_at) - toUnixTimestamp64Milli(entered_at)) / 1000 AS duration,
    all_stages[seq - 1] AS from_stage,
    label,
    cause_message_id,
    cause_event,
    cause_channel
FROM
(
    SELECT
        *,
        visits.entered_at AS all_entered_at,
        visits.stage AS all_stages,
        -- Visits that silence brings are shown when their time has come.
        visits_past + arrayCount(due_at -> due_at <= now64(3), arraySlice(all_entered_at, visits_past + 1)) AS here
    FROM customers FINAL
    WHERE $serving AND NOT is_deleted
)
ARRAY JOIN
    arrayEnumerate(all_entered_at) AS seq,
    visits.stage AS stage,
    visits.entered_at AS entered_at,
    visits.label AS label,
    visits.cause_message_id AS cause_message_id,
    visits.cause_event AS cause_event,
    visits.cause_channel AS cause_channel
WHERE seq <= here
COMMENT 'One row per stay of a customer in a stage, as of now'
