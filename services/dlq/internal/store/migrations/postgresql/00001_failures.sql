-- What PostgreSQL does better in its own words.

-- +goose Up

-- Compared by bytes: an order by language costs several times as much, and
-- changes with the operating system's tables, which breaks indexes.
ALTER TABLE failures
    ALTER COLUMN failure_id TYPE TEXT COLLATE "C",
    ALTER COLUMN service TYPE TEXT COLLATE "C",
    ALTER COLUMN consumer_group TYPE TEXT COLLATE "C",
    ALTER COLUMN event_key TYPE TEXT COLLATE "C",
    ALTER COLUMN event_id TYPE TEXT COLLATE "C",
    ALTER COLUMN fingerprint TYPE TEXT COLLATE "C";
ALTER TABLE first_failures
    ALTER COLUMN service TYPE TEXT COLLATE "C",
    ALTER COLUMN error_class TYPE TEXT COLLATE "C";
ALTER TABLE records ALTER COLUMN failure_id TYPE TEXT COLLATE "C";
ALTER TABLE history
    ALTER COLUMN failure_id TYPE TEXT COLLATE "C",
    ALTER COLUMN entry_id TYPE TEXT COLLATE "C";
ALTER TABLE kinds ALTER COLUMN fingerprint TYPE TEXT COLLATE "C";
ALTER TABLE kind_counts ALTER COLUMN fingerprint TYPE TEXT COLLATE "C";
ALTER TABLE replay_items
    ALTER COLUMN replay_id TYPE TEXT COLLATE "C",
    ALTER COLUMN failure_id TYPE TEXT COLLATE "C";
-- Payloads are kept as they are: most are small or compressed already.
ALTER TABLE records ALTER COLUMN payload SET STORAGE EXTERNAL;

-- +goose Down
SELECT 1;
