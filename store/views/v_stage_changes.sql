CREATE OR REPLACE VIEW v_stage_changes
(
    customer_id String COMMENT 'Whose visit it is about',
    model LowCardinality(String) COMMENT 'Name of the journey model',
    kind LowCardinality(String) COMMENT 'entered: the customer is in another stage; corrected: they were, as is known only now; retracted: they were not, whatever was said',
    visit_id String COMMENT 'Of the same visit always the same',
    corrects String COMMENT 'Of a correction: visit_id of the visit that is retracted in its favour, where there is one',
    stage LowCardinality(String) COMMENT 'The stage visited',
    from_stage LowCardinality(String) COMMENT 'The stage before; empty for the first visit',
    label LowCardinality(String) COMMENT 'Label of the move that began the visit, if it has one',
    entered_at DateTime64(3, 'UTC') COMMENT 'When the visit began',
    cause_message_id String COMMENT 'message_id of the touchpoint that began the visit; empty when silence did',
    cause_source LowCardinality(String) COMMENT 'Source of that touchpoint',
    cause_event LowCardinality(String) COMMENT 'Event of that touchpoint',
    cause_channel LowCardinality(String) COMMENT 'Channel of that touchpoint',
    said_at DateTime64(6, 'UTC') COMMENT 'When it was said',
    version UInt64 COMMENT 'Orders what is said of a customer; within a version said_at does',
    stands UInt8 COMMENT '1 when the visit took place, by all that was said of it until now'
)
AS
SELECT
    customer_id,
    model,
    kind,
    visit_id,
    corrects,
    stage,
    from_stage,
    label,
    entered_at,
    cause_message_id,
    cause_source,
    cause_event,
    cause_channel,
    said_at,
    version,
    last_value(is_there) OVER said AS stands
FROM
(
    SELECT
        *,
        kind != 'retracted' AS is_there,
        lagInFrame(kind != 'retracted', 1, 0) OVER before AS was_there
    FROM stage_changes FINAL
    WINDOW before AS (
        PARTITION BY customer_id, model, visit_id ORDER BY version, said_at
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
-- A repeat, and a word that takes back what was never said, change nothing.
WHERE is_there != was_there
WINDOW said AS (
    PARTITION BY customer_id, model, visit_id ORDER BY version, said_at
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
)
COMMENT 'What was said of stage visits, each thing once: who entered which stage when, and every correction'
