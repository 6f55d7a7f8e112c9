-- Who is who: what touchpoints say about identifiers, what was decided about them, and what follows.

CREATE TABLE IF NOT EXISTS identity_links
(
    identifier String CODEC(ZSTD(1))
        COMMENT 'Identifier that the touchpoint says something about, as kind:value; a row for each',
    seen_with Array(String) CODEC(ZSTD(1))
        COMMENT 'The users and contacts that it was seen with; for a device: who was identified on it, the user first',
    occurred_at DateTime64(3, 'UTC') CODEC(T64, ZSTD(1))
        COMMENT 'When it happened, as of this copy of the touchpoint',
    message_id String CODEC(ZSTD(1))
        COMMENT 'Of the touchpoint, like the columns that follow',
    source LowCardinality(String)
        COMMENT 'Name of the source (shop, app, till …) whose write key brought it',
    identifiers Array(String) CODEC(ZSTD(1))
        COMMENT 'All its identifiers as kind:value, sorted',
    original_timestamp DateTime64(3, 'UTC') CODEC(T64, ZSTD(1))
        COMMENT 'When it happened by the sender''s own clock, as sent',
    home String CODEC(ZSTD(1))
        COMMENT 'The identifier that the touchpoint is filed under',
    identity FixedString(16) CODEC(NONE)
        COMMENT 'Which touchpoint it is: the column of the same name in touchpoints',
    settled UInt8 CODEC(T64, LZ4)
        COMMENT '1 once everybody whom it concerns has durably been told'
)
ENGINE = ReplacingMergeTree(settled)
ORDER BY (sipHash64(identifier), original_timestamp, identity, occurred_at)
SETTINGS index_granularity = 128, min_compress_block_size = 8192
COMMENT 'Touchpoints that carry several identifiers, to be found by each of them. Copies may still be there';

CREATE TABLE IF NOT EXISTS identities
(
    identifier String CODEC(ZSTD(1))
        COMMENT 'The identifier, as kind:value',
    version UInt64 CODEC(T64, LZ4)
        COMMENT 'Of several rows of an identifier the largest counts',
    valid_from Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1))
        COMMENT 'Since when it belongs to each customer; the first is for ever (1970)',
    customer_id Array(String) CODEC(ZSTD(1))
        COMMENT 'Whose it is from then on; empty for nobody: an identifier that is shared, a receipt that nobody claimed',
    stands_alone UInt8 CODEC(T64, LZ4)
        COMMENT '1 when more contacts, or aliased users, than group_max are held together with it, and so not believed to be one'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY identifier
SETTINGS index_granularity = 512, min_compress_block_size = 32768
COMMENT 'Whose an identifier is, of those that belong to another, or may: an identifier without a row is its own customer';

CREATE TABLE IF NOT EXISTS splits
(
    kind LowCardinality(String)
        COMMENT 'split: two identifiers are not one person; allow: one is never shared; block: one is always shared',
    one String
        COMMENT 'The identifier; of a split the smaller in byte order',
    other String
        COMMENT 'Of a split the other',
    revoked UInt8
        COMMENT '1 when it takes such a decision back',
    decided_at DateTime64(3, 'UTC')
        COMMENT 'When it was decided: of the same kind and identifiers the last decision counts',
    decided_by String
        COMMENT 'Who decided it',
    reason String
        COMMENT 'Why'
)
ENGINE = ReplacingMergeTree
ORDER BY (kind, one, other, decided_at, revoked, decided_by)
COMMENT 'What people decided about identifiers, whatever touchpoints say: splits, and who is or is not shared';
