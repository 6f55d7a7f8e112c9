CREATE OR REPLACE VIEW v_touchpoints
(
    customer_id String COMMENT 'Whose it is; empty for nobody: a receipt that names nobody, or only identifiers that are shared',
    stage_before String COMMENT 'Stage of the default model that it found the customer in; empty for the first touchpoint',
    stage_after String COMMENT 'Stage of the default model that it left the customer in',
    message_id String COMMENT 'Id that the sender gave to the message; ingest gives one when there is none',
    source LowCardinality(String) COMMENT 'Name of the source (shop, app, till …) whose write key brought it',
    type LowCardinality(String) COMMENT 'Kind of message: track, identify, page, screen, group, alias or receipt',
    event LowCardinality(String) COMMENT 'What happened: the sender''s event name, or the fixed name of the other types (Page Viewed, Receipt Issued …)',
    name String COMMENT 'Name of the page or screen',
    channel LowCardinality(String) COMMENT 'Where it happened: web, app, store, call_centre, email, event, direct_mail …',
    acquisition_channel LowCardinality(String) COMMENT 'What brought the customer there, in the groups of Google''s default channel grouping',
    offline UInt8 COMMENT '1 when it happened away from the web and apps, as at a till; else 0',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, with the sender''s clock corrected: the time that orders a customer''s touchpoints',
    original_timestamp DateTime64(3, 'UTC') COMMENT 'When it happened by the sender''s own clock, as sent',
    received_at DateTime64(3, 'UTC') COMMENT 'When ingest received it (the first time, if copies came)',
    user_id String COMMENT 'The user, as the sender names them',
    anonymous_id String COMMENT 'The device: browser or app installation',
    previous_id String COMMENT 'Of an alias: the id that goes',
    group_id String COMMENT 'Company or household that the sender names',
    contacts Array(String) COMMENT 'Contact identifiers as kind:value (loyalty_card:9900, email:ann@shop.it), normalised and sorted',
    identifiers Array(String) COMMENT 'All its identifiers as kind:value, sorted',
    properties String COMMENT 'JSON object: what the sender says of the event (read it with JSONExtract…)',
    traits String COMMENT 'JSON object: what the sender says of the customer',
    context String COMMENT 'JSON object: page, campaign, device, library … of the message',
    extra String COMMENT 'JSON object: the other top-level fields of the message',
    value Nullable(Decimal(18, 4)) COMMENT 'Money, in units of currency; NULL when none is said',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the currency of value',
    transaction LowCardinality(String) COMMENT 'What it does to purchases and revenue: sale, return, exchange, void or nothing',
    refers_to String COMMENT 'Of a return, exchange or void: message_id of the sale',
    score_kind LowCardinality(String) COMMENT 'Kind of score: nps (0 to 10), csat (1 to 5), sentiment (-1 to 1) or nothing',
    score Nullable(Float64) COMMENT 'The score; NULL when none is said'
)
AS
WITH
    -- The visit that it left the customer in: the last one that began before it, or that it began itself. Visits that silence
    -- began have no cause, and so come before all touchpoints of their millisecond.
    arrayCount(
        (entered_at, message_id, source, identifiers, original_timestamp) ->
            entered_at < t.occurred_at
            OR (entered_at = t.occurred_at
                AND (message_id, source, identifiers, original_timestamp)
                    <= (t.message_id, t.source, t.identifiers, t.original_timestamp)),
        journeys.entered_at, journeys.message_id, journeys.source, journeys.identifiers, journeys.original_timestamp
    ) AS visit,
    -- Whether it began that visit itself.
    (journeys.entered_at[visit] = t.occurred_at
        AND journeys.message_id[visit] = t.message_id
        AND journeys.source[visit] = t.source
        AND journeys.identifiers[visit] = t.identifiers
        AND journeys.original_timestamp[visit] = t.original_timestamp) AS began
SELECT
    t.customer_id AS customer_id,
    journeys.stage[visit - began] AS stage_before,
    journeys.stage[visit] AS stage_after,
    t.message_id AS message_id,
    t.source AS source,
    t.type AS type,
    t.event AS event,
    t.name AS name,
    t.channel AS channel,
    t.acquisition_channel AS acquisition_channel,
    t.offline AS offline,
    t.occurred_at AS occurred_at,
    t.original_timestamp AS original_timestamp,
    t.received_at AS received_at,
    t.user_id AS user_id,
    t.anonymous_id AS anonymous_id,
    t.previous_id AS previous_id,
    t.group_id AS group_id,
    t.contacts AS contacts,
    t.identifiers AS identifiers,
    t.properties AS properties,
    t.traits AS traits,
    t.context AS context,
    t.extra AS extra,
    t.value AS value,
    t.currency AS currency,
    t.transaction AS transaction,
    t.refers_to AS refers_to,
    t.score_kind AS score_kind,
    t.score AS score
FROM $owned_touchpoints AS t
LEFT JOIN
(
    SELECT
        customer_id,
        visits.stage AS stage,
        visits.entered_at AS entered_at,
        visits.cause_message_id AS message_id,
        visits.cause_source AS source,
        visits.cause_identifiers AS identifiers,
        visits.cause_original_timestamp AS original_timestamp
    FROM customers FINAL
    WHERE $serving AND model = $default_model AND NOT is_deleted
) AS journeys ON journeys.customer_id = t.customer_id
COMMENT 'Every touchpoint once, with its customer and the stage it found and left them in'
