CREATE OR REPLACE VIEW v_conflicts
(
    source LowCardinality(String) COMMENT 'Name of the source that used a message_id again for something else',
    message_id String COMMENT 'The message_id',
    touchpoints UInt64 COMMENT 'How many touchpoints have it',
    original_timestamps Array(DateTime64(3, 'UTC')) COMMENT 'The different times they came with, by the sender''s own clock',
    identifiers Array(Array(String)) COMMENT 'The different identifiers they came with',
    first_received_at DateTime64(3, 'UTC') COMMENT 'When the first of them was received',
    last_received_at DateTime64(3, 'UTC') COMMENT 'When the last of them was received'
)
AS
SELECT
    source,
    message_id,
    count() AS touchpoints,
    arraySort(groupUniqArray(t.original_timestamp)) AS original_timestamps,
    arraySort(groupUniqArray(t.identifiers)) AS identifiers,
    min(received_at) AS first_received_at,
    max(received_at) AS last_received_at
FROM touchpoints AS t FINAL
GROUP BY source, message_id
HAVING touchpoints > 1
COMMENT 'message_id that came with different times or identifiers: each of them counts as a touchpoint of its own'
