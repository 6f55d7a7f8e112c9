CREATE OR REPLACE VIEW v_splits
(
    kind LowCardinality(String) COMMENT 'split: two identifiers are not one person; allow: one is never shared; block: one is always shared',
    one String COMMENT 'The identifier; of a split the smaller in byte order',
    other String COMMENT 'Of a split the other',
    revoked UInt8 COMMENT '1 when the last decision took it back',
    decided_at DateTime64(3, 'UTC') COMMENT 'When it was decided',
    decided_by String COMMENT 'Who decided it',
    reason String COMMENT 'Why'
)
AS
SELECT kind, one, other, last.2 AS revoked, last.1 AS decided_at, last.3 AS decided_by, last.4 AS reason
FROM
(
    SELECT kind, one, other, max((s.decided_at, s.revoked, s.decided_by, s.reason)) AS last
    FROM splits AS s
    GROUP BY kind, one, other
)
COMMENT 'What is decided about identifiers, whatever touchpoints say: the last decision of each kind about the same ones'
