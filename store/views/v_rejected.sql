CREATE OR REPLACE VIEW v_rejected
(
    rejected_id String COMMENT 'Hash of source, code and body: the same item refused again is the same row',
    source LowCardinality(String) COMMENT 'Name of the source whose write key brought it',
    received_at DateTime64(3, 'UTC') COMMENT 'When it was received, the last time',
    code LowCardinality(String) COMMENT 'Why it was refused, in one word, as in the answer to the sender',
    reason String COMMENT 'Why it was refused, as a sentence',
    message_id String COMMENT 'Its message_id, if it had one',
    body String COMMENT 'The item as it came, write keys blanked',
    endpoint LowCardinality(String) COMMENT 'Where it was sent',
    state Enum8('open' = 0, 'replayed' = 1) COMMENT 'open until someone replays it, and again when it is refused again later'
)
AS
SELECT rejected_id, source, received_at, code, reason, message_id, body, endpoint, state
FROM rejected FINAL
COMMENT 'Dead letters: items that were read but not accepted, each with its reason'
