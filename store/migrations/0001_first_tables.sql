-- The facts, what follows from them, what was refused, and how far the worker is.
-- Times are milliseconds since 1970 UTC. Text is '' where the sender said nothing.

CREATE TABLE IF NOT EXISTS touchpoints
(
    source LowCardinality(String)
        COMMENT 'Name of the source (shop, app, till …) whose write key brought it',
    message_id String CODEC(ZSTD(1))
        COMMENT 'Id that the sender gave to the message; ingest gives one when there is none',
    type LowCardinality(String)
        COMMENT 'Kind of message: track, identify, page, screen, group, alias or receipt',
    event LowCardinality(String)
        COMMENT 'What happened: the sender''s event name, or the fixed name of the other types (Page Viewed, Receipt Issued …)',
    name String CODEC(ZSTD(1))
        COMMENT 'Name of the page or screen',
    channel LowCardinality(String)
        COMMENT 'Where it happened: web, app, store, call_centre, email, event, direct_mail …',
    acquisition_channel LowCardinality(String)
        COMMENT 'What brought the customer there, in the groups of Google''s default channel grouping',
    offline UInt8 CODEC(T64, LZ4)
        COMMENT '1 when it happened away from the web and apps, as at a till; else 0',
    occurred_at DateTime64(3, 'UTC') CODEC(T64, ZSTD(1))
        COMMENT 'When it happened, with the sender''s clock corrected: the time that orders a customer''s touchpoints',
    original_timestamp DateTime64(3, 'UTC') CODEC(T64, ZSTD(1))
        COMMENT 'When it happened by the sender''s own clock, as sent',
    received_at DateTime64(3, 'UTC') CODEC(T64, ZSTD(1))
        COMMENT 'When ingest received it (the first time, if copies came)',
    user_id String CODEC(ZSTD(1))
        COMMENT 'The user, as the sender names them',
    anonymous_id String CODEC(ZSTD(1))
        COMMENT 'The device: browser or app installation',
    previous_id String CODEC(ZSTD(1))
        COMMENT 'Of an alias: the id that goes',
    group_id String CODEC(ZSTD(1))
        COMMENT 'Company or household that the sender names',
    contacts Array(String) CODEC(ZSTD(1))
        COMMENT 'Contact identifiers as kind:value (loyalty_card:9900, email:ann@shop.it), normalised and sorted',
    identifiers Array(String) ALIAS arraySort(arrayConcat(
            contacts,
            if(user_id = '', [], [concat('user:', user_id)]),
            if(anonymous_id = '', [], [concat('device:', anonymous_id)]),
            if(previous_id = '', [], [concat('previous:', previous_id)])))
        COMMENT 'All its identifiers as kind:value, sorted',
    home String CODEC(ZSTD(1))
        COMMENT 'The identifier it is filed under: the user, else the smallest contact (a receipt''s own key last), else the device',
    home_hash UInt64 MATERIALIZED sipHash64(home) CODEC(LZ4)
        COMMENT 'sipHash64 of home: keeps the touchpoints of one home together',
    filed_under String MATERIALIZED if(startsWith(home, 'receipt:'), '', home) CODEC(ZSTD(1))
        COMMENT 'The customer that home makes it belong to: home itself, or nobody for a receipt''s own key',
    properties String CODEC(ZSTD(1))
        COMMENT 'JSON object: what the sender says of the event (read it with JSONExtract…)',
    traits String CODEC(ZSTD(1))
        COMMENT 'JSON object: what the sender says of the customer',
    context String CODEC(ZSTD(1))
        COMMENT 'JSON object: page, campaign, device, library … of the message',
    extra String CODEC(ZSTD(1))
        COMMENT 'JSON object: the other top-level fields of the message',
    value Nullable(Decimal(18, 4)) CODEC(ZSTD(1))
        COMMENT 'Money, in units of currency; NULL when none is said',
    currency LowCardinality(String)
        COMMENT 'ISO 4217 code of the currency of value',
    transaction LowCardinality(String)
        COMMENT 'What it does to purchases and revenue: sale, return, void or nothing',
    refers_to String CODEC(ZSTD(1))
        COMMENT 'Of a return or void: message_id of the sale',
    score_kind LowCardinality(String)
        COMMENT 'Kind of score: nps (0 to 10), csat (1 to 5), sentiment (-1 to 1) or nothing',
    score Nullable(Float64) CODEC(ZSTD(1))
        COMMENT 'The score; NULL when none is said',
    identity FixedString(16) CODEC(NONE)
        COMMENT 'Hash of source, message_id, original_timestamp and identifiers: copies of a touchpoint share it',
    content FixedString(16) EPHEMERAL
        COMMENT 'On insert only: hash of all that the sender said; part of precedence',
    precedence UInt256
        DEFAULT bitShiftLeft(toUInt256(toUInt64(9223372036854775807 - toUnixTimestamp64Milli(occurred_at))), 192)
            + bitShiftLeft(toUInt256(bitNot(reinterpretAsUInt128(reverse(content)))), 64)
            + toUInt256(toUInt64(9223372036854775807 - toUnixTimestamp64Milli(received_at)))
        CODEC(ZSTD(1))
        COMMENT 'Of several copies the largest counts: the smallest (occurred_at, hash of content), then the smallest received_at',
    content_hash FixedString(16)
        ALIAS CAST(reverse(reinterpretAsFixedString(bitNot(toUInt128(bitShiftRight(precedence, 64))))), 'FixedString(16)')
        COMMENT 'Hash of all that the sender said'
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY (sipHash64(filed_under), home_hash, original_timestamp, identity)
SETTINGS min_bytes_for_wide_part = 134217728, index_granularity = 2048, min_compress_block_size = 65536
COMMENT 'Every accepted touchpoint, as received. Copies may still be there: read it through v_touchpoints, or with FINAL';

CREATE TABLE IF NOT EXISTS customers
(
    customer_id String CODEC(ZSTD(1))
        COMMENT 'The customer, as kind:value (user:42, loyalty_card:9900, device:3f…)',
    model LowCardinality(String)
        COMMENT 'Name of the journey model',
    model_version LowCardinality(String)
        COMMENT 'Version of the journey model: hash of its meaning',
    version UInt64 CODEC(T64, LZ4)
        COMMENT 'Of several rows of a customer and model the largest counts',
    is_deleted UInt8 CODEC(T64, LZ4)
        COMMENT '1 when nothing is left of this customer',
    state String CODEC(LZ4)
        COMMENT 'What else of the journey the worker needs for the next step (MessagePack)',
    first_touch_at DateTime64(3, 'UTC') CODEC(T64, ZSTD(1))
        COMMENT 'Time of the first touchpoint',
    last_touch_at DateTime64(3, 'UTC') CODEC(T64, ZSTD(1))
        COMMENT 'Time of the last touchpoint',
    touchpoints UInt64 CODEC(T64, ZSTD(1))
        COMMENT 'Number of touchpoints, without voided sales and voids',
    purchases UInt64 CODEC(T64, ZSTD(1))
        COMMENT 'Number of sales, without voided ones',
    revenue_by_currency Map(LowCardinality(String), Decimal(38, 4)) CODEC(ZSTD(1))
        COMMENT 'Money taken, returns taken off, by currency',
    visits_past UInt32 CODEC(T64, ZSTD(1))
        COMMENT 'How many of the visits were there at the last touchpoint; those behind them come by silence alone',
    `visits.stage` Array(String)
        COMMENT 'Stage of each visit, past ones first, then those that silence alone will bring',
    `visits.entered_at` Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1))
        COMMENT 'When each visit began',
    `visits.label` Array(String)
        COMMENT 'Label of the move that began each visit',
    `visits.highest_stage` Array(String)
        COMMENT 'The furthest stage reached up to each visit, by the model''s order of stages',
    `visits.cause_message_id` Array(String) CODEC(ZSTD(1))
        COMMENT 'message_id of the touchpoint that began each visit; empty when silence did',
    `visits.cause_source` Array(String)
        COMMENT 'Source of that touchpoint',
    `visits.cause_identifiers` Array(Array(String)) CODEC(ZSTD(1))
        COMMENT 'Identifiers of that touchpoint',
    `visits.cause_original_timestamp` Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1))
        COMMENT 'Time of that touchpoint by the sender''s own clock',
    `visits.cause_event` Array(String)
        COMMENT 'Event of that touchpoint',
    `visits.cause_channel` Array(String)
        COMMENT 'Channel of that touchpoint'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (customer_id, model)
SETTINGS min_bytes_for_wide_part = 134217728, index_granularity = 512, min_compress_block_size = 32768
COMMENT 'One row per customer and model, replaced as a whole: read it through v_customers and v_stage_visits';

CREATE TABLE IF NOT EXISTS rejected
(
    rejected_id String
        COMMENT 'Hash of source, code and body: the same item refused again is the same row',
    source LowCardinality(String)
        COMMENT 'Name of the source whose write key brought it',
    received_at DateTime64(3, 'UTC')
        COMMENT 'When it was received',
    code LowCardinality(String)
        COMMENT 'Why it was refused, in one word, as in the answer to the sender',
    reason String
        COMMENT 'Why it was refused, as a sentence',
    message_id String
        COMMENT 'Its message_id, if it had one',
    body String CODEC(ZSTD(1))
        COMMENT 'The item as it came, write keys blanked',
    endpoint LowCardinality(String)
        COMMENT 'Where it was sent',
    state Enum8('open' = 0, 'replayed' = 1)
        COMMENT 'open until someone replays it, and again when it is refused again later',
    version UInt64 MATERIALIZED toUInt64(toUnixTimestamp64Milli(received_at)) * 2 + toUInt8(state)
        COMMENT 'Of several copies the largest counts: the last received, and of that the replayed'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY rejected_id
COMMENT 'Dead letters: items that were read but not accepted. Copies may still be there: read it through v_rejected';

CREATE TABLE IF NOT EXISTS positions
(
    topic_id String
        COMMENT 'Id of the log that the position is in',
    epoch UInt32
        COMMENT 'Epoch of that log',
    partition UInt32
        COMMENT 'Partition of that log',
    offset UInt64
        COMMENT 'First record that the worker has not worked in yet',
    written_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
        COMMENT 'When the worker got there'
)
ENGINE = ReplacingMergeTree(offset)
ORDER BY (topic_id, epoch, partition)
COMMENT 'How far the rows of this database go';

CREATE TABLE IF NOT EXISTS settings
(
    key String
        COMMENT 'What it says something about',
    value String
        COMMENT 'What it says',
    written_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
        COMMENT 'When it was written'
)
ENGINE = ReplacingMergeTree
ORDER BY key
COMMENT 'Small facts about this database itself, kept by Tappa';
