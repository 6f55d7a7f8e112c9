-- A touchpoint whose clock was corrected is found by its device, too: a copy of it may belong to somebody else.

ALTER TABLE identity_links
    MODIFY COMMENT 'Touchpoints that carry several identifiers, to be found by each of them, and those of a device whose clock was corrected. Copies may still be there';

INSERT INTO identity_links
SELECT
    home, [], occurred_at, message_id, source, [home], original_timestamp, home, identity, 1
FROM touchpoints
WHERE startsWith(home, 'device:') AND occurred_at != original_timestamp;
