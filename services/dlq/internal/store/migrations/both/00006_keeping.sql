-- What outlives a failure, and who does what one process does at a time.

-- +goose Up

-- 1: the failure has expired, and the entry stays for those who audit.
ALTER TABLE history ADD COLUMN outlives SMALLINT NOT NULL DEFAULT 0 CHECK (outlives IN (0, 1));
CREATE INDEX history_outliving ON history (happened_at) WHERE outlives = 1;
-- What people did, in the order of time, as auditors ask for it.
CREATE INDEX history_of_people ON history (entry_id) WHERE actor <> 'system';
CREATE INDEX replays_ended ON replays (ended_at) WHERE ended_at > 0;

-- Who does a piece of work, until when.
CREATE TABLE leases (
    lease_until BIGINT NOT NULL CHECK (lease_until BETWEEN 0 AND 9223372036854775807),
    name        TEXT   NOT NULL PRIMARY KEY CHECK (name <> ''),
    owner       TEXT   NOT NULL CHECK (owner <> '')
);

-- +goose Down
DROP TABLE leases;
DROP INDEX replays_ended;
DROP INDEX history_of_people;
DROP INDEX history_outliving;
ALTER TABLE history DROP COLUMN outlives;
