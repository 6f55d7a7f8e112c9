-- Several folds of the whole history beside each other: a changed model is folded while the old one serves.

ALTER TABLE customers
    ADD COLUMN IF NOT EXISTS generation UInt32
        COMMENT 'Which fold of the whole history under this model the row is of: the table models says which one counts',
    MODIFY ORDER BY (customer_id, model, generation),
    MODIFY COMMENT 'One row per customer, model and generation, replaced as a whole: read it through v_customers and v_stage_visits';

ALTER TABLE customers
    ADD COLUMN IF NOT EXISTS own UInt8 DEFAULT endsWith(state, unhex('c3'))
        COMMENT '1 when all touchpoints are filed under the customer''s own identifier';

CREATE TABLE IF NOT EXISTS models
(
    model LowCardinality(String)
        COMMENT 'Name of the journey model',
    generation UInt32
        COMMENT 'Number of the fold of the whole history: each rebuild has one of its own',
    model_version String
        COMMENT 'Version of the model: hash of its meaning',
    text String CODEC(ZSTD(1))
        COMMENT 'The model''s file',
    state UInt8
        COMMENT '1 while its rows are being folded, 2 while they are what the views show, 3 from then on; it never goes back',
    written_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
        COMMENT 'When it got there'
)
ENGINE = ReplacingMergeTree(state)
ORDER BY (model, generation)
COMMENT 'The journey models as they are folded, whatever the files say: changed by tappa model rebuild';

CREATE TABLE IF NOT EXISTS rebuild_progress
(
    generation UInt32
        COMMENT 'Which rebuild',
    partition UInt32
        COMMENT 'Partition of the log whose customers these are',
    begun_at UInt64
        COMMENT 'Offset of the message that began it there: only who is beyond it folds',
    done UInt64
        COMMENT 'How far it is, from 0 to 4294967296, in the order of the upper half of sipHash64(customer_id)',
    customers UInt64
        COMMENT 'How many customers were folded'
)
ENGINE = ReplacingMergeTree(done)
ORDER BY (generation, partition)
COMMENT 'How far a rebuild is, by partition';
