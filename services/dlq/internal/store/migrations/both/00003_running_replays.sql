-- Who runs a replay, and where its records stand.

-- +goose Up

-- A replay has one owner at a time, whose lease ends by itself.
ALTER TABLE replays ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0 CHECK (lease_until BETWEEN 0 AND 9223372036854775807);
ALTER TABLE replays ADD COLUMN lease_owner TEXT NOT NULL DEFAULT ''; -- '': nobody
ALTER TABLE replay_items ADD COLUMN sent_offset BIGINT NOT NULL DEFAULT -1 CHECK (sent_offset BETWEEN -1 AND 9223372036854775807);
ALTER TABLE replay_items ADD COLUMN sent_partition INTEGER NOT NULL DEFAULT -1 CHECK (sent_partition BETWEEN -1 AND 2147483647);
CREATE INDEX replay_items_unconfirmed ON replay_items (published_at) WHERE state = 2;

-- +goose Down
DROP INDEX replay_items_unconfirmed;
ALTER TABLE replay_items DROP COLUMN sent_partition;
ALTER TABLE replay_items DROP COLUMN sent_offset;
ALTER TABLE replays DROP COLUMN lease_owner;
ALTER TABLE replays DROP COLUMN lease_until;
