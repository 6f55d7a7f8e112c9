-- The store directory: where the stores are that receipts name. And what a touchpoint's transaction may be today.

CREATE TABLE IF NOT EXISTS stores
(
    store_id String CODEC(ZSTD(1))
        COMMENT 'The store, as receipts name it',
    name String CODEC(ZSTD(1))
        COMMENT 'Its name',
    street String CODEC(ZSTD(1))
        COMMENT 'Street and number',
    place String CODEC(ZSTD(1))
        COMMENT 'Town',
    region String CODEC(ZSTD(1))
        COMMENT 'Province, state or the company''s own region',
    postcode String CODEC(ZSTD(1))
        COMMENT 'Postcode',
    country LowCardinality(String)
        COMMENT 'ISO 3166 code of the country, two letters',
    time_zone LowCardinality(String)
        COMMENT 'Name of its time zone, such as Europe/Rome',
    opened_on Nullable(Date32)
        COMMENT 'First day on which it was open; NULL when none is said',
    closed_on Nullable(Date32)
        COMMENT 'Last day on which it was open; NULL when none is said',
    opening_hours String CODEC(ZSTD(1))
        COMMENT 'When it is open, as the file says it',
    latitude Nullable(Float64)
        COMMENT 'Degrees north; NULL when none are said',
    longitude Nullable(Float64)
        COMMENT 'Degrees east; NULL when none are said',
    is_removed UInt8
        COMMENT '1 for a store that was taken out of the directory',
    updated_at DateTime64(6, 'UTC')
        COMMENT 'When this was loaded: of the rows of a store the last one counts'
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY store_id
COMMENT 'The store directory, as tappa stores load left it. Replaced rows may be there: read it through v_stores';

ALTER TABLE touchpoints
    COMMENT COLUMN transaction 'What it does to purchases and revenue: sale, return, exchange, void or nothing',
    COMMENT COLUMN refers_to 'Of a return, exchange or void: message_id of the sale';
