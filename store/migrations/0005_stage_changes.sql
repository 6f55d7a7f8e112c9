-- What is said of stage visits, for whoever reacts to them.

CREATE TABLE IF NOT EXISTS stage_changes
(
    customer_id String CODEC(ZSTD(1))
        COMMENT 'The customer, as kind:value',
    model LowCardinality(String)
        COMMENT 'Name of the journey model',
    generation UInt32 CODEC(T64, LZ4)
        COMMENT 'Which fold of the whole history under this model it is about, as in the table models',
    kind LowCardinality(String)
        COMMENT 'entered: the customer is in another stage; corrected: they were, as is known only now; retracted: they were not, whatever was said',
    visit_id String CODEC(ZSTD(1))
        COMMENT 'Of the same visit always the same: tells a repeat',
    corrects String CODEC(ZSTD(1))
        COMMENT 'Of a correction: visit_id of the visit that is retracted in its favour, where there is one',
    version UInt64 CODEC(T64, LZ4)
        COMMENT 'Of all that is said of a visit the largest version counts, and of the same version what was said last',
    said_at DateTime64(6, 'UTC') CODEC(T64, ZSTD(1))
        COMMENT 'When it was said',
    stage LowCardinality(String)
        COMMENT 'The stage visited, like the columns that follow as of the visit that is entered, corrected or retracted',
    from_stage LowCardinality(String)
        COMMENT 'The stage before; empty for the first visit',
    label LowCardinality(String)
        COMMENT 'Label of the move that began the visit, if it has one',
    entered_at DateTime64(3, 'UTC') CODEC(T64, ZSTD(1))
        COMMENT 'When the visit began',
    cause_message_id String CODEC(ZSTD(1))
        COMMENT 'message_id of the touchpoint that began the visit; empty when silence did',
    cause_source LowCardinality(String)
        COMMENT 'Source of that touchpoint',
    cause_identifiers Array(String) CODEC(ZSTD(1))
        COMMENT 'Identifiers of that touchpoint',
    cause_original_timestamp DateTime64(3, 'UTC') CODEC(T64, ZSTD(1))
        COMMENT 'Time of that touchpoint by the sender''s own clock',
    cause_event LowCardinality(String)
        COMMENT 'Event of that touchpoint',
    cause_channel LowCardinality(String)
        COMMENT 'Channel of that touchpoint'
)
ENGINE = ReplacingMergeTree(said_at)
ORDER BY (customer_id, model, visit_id, version, kind)
SETTINGS index_granularity = 2048
COMMENT 'Every stage visit as it was said, and every correction. Repeats may be there: read it through v_stage_changes';
