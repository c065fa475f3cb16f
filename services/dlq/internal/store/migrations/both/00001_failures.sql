-- The store of the DLQ service, on PostgreSQL and SQLite alike. Times are Unix
-- microseconds. SQLite stores a value of a wrong type silently, and compares text
-- as greater than any number: numbers are bounded on both sides for that.

-- +goose Up

-- One row per failure, and a small one: every text is bounded by the rules, the
-- record is in a table beside. Numbers stand first as PostgreSQL would fill the
-- gaps before them.
CREATE TABLE failures (
    first_failed_at BIGINT   NOT NULL CHECK (first_failed_at BETWEEN -9223372036854775807 AND 9223372036854775807),
    last_failed_at  BIGINT   NOT NULL CHECK (last_failed_at BETWEEN -9223372036854775807 AND 9223372036854775807),
    closed_at       BIGINT   NOT NULL CHECK (closed_at BETWEEN 0 AND 9223372036854775807), -- 0: not closed
    log_offset      BIGINT   NOT NULL CHECK (log_offset BETWEEN -1 AND 9223372036854775807), -- -1: none
    letter_offset   BIGINT   NOT NULL CHECK (letter_offset BETWEEN -1 AND 9223372036854775807),
    key_hash        BIGINT   NOT NULL CHECK (key_hash BETWEEN -9223372036854775807 AND 9223372036854775807),
    partition_id    INTEGER  NOT NULL CHECK (partition_id BETWEEN -1 AND 2147483647), -- -1: none
    attempts        INTEGER  NOT NULL CHECK (attempts BETWEEN 0 AND 2147483647),
    replays         INTEGER  NOT NULL CHECK (replays BETWEEN 0 AND 2147483647),
    status          SMALLINT NOT NULL CHECK (status BETWEEN 1 AND 5), -- letter.Status
    indefinite      SMALLINT NOT NULL CHECK (indefinite IN (0, 1)),
    failure_id      TEXT     NOT NULL PRIMARY KEY CHECK (failure_id <> ''),
    service         TEXT     NOT NULL,
    topic           TEXT     NOT NULL,
    consumer_group  TEXT     NOT NULL, -- '': a client's own report
    event_key       TEXT     NOT NULL, -- as text, cut
    event_id        TEXT     NOT NULL,
    event_type      TEXT     NOT NULL,
    error_class     TEXT     NOT NULL,
    reason          TEXT     NOT NULL,
    error_message   TEXT     NOT NULL,
    fingerprint     TEXT     NOT NULL,
    trace_id        TEXT     NOT NULL,
    letter_source   TEXT     NOT NULL  -- topic id and partition of the last letter
);
CREATE INDEX failures_by_time ON failures (last_failed_at, failure_id);
CREATE INDEX failures_by_status ON failures (status, last_failed_at, failure_id);
CREATE INDEX failures_by_service ON failures (service, last_failed_at, failure_id);
CREATE INDEX failures_by_group ON failures (consumer_group, last_failed_at, failure_id);
-- The key's hash is there so that a kind's evidence is read from the index alone.
CREATE INDEX failures_by_kind ON failures (fingerprint, last_failed_at, failure_id, key_hash);
CREATE INDEX failures_by_key ON failures (event_key, last_failed_at, failure_id);
CREATE INDEX failures_by_event ON failures (event_id);
CREATE INDEX failures_closed ON failures (closed_at) WHERE closed_at > 0;

-- The record of a failure as it came, whatever its size.
CREATE TABLE records (
    failure_id TEXT  NOT NULL PRIMARY KEY CHECK (failure_id <> ''),
    stack      TEXT  NOT NULL,
    record_key BYTEA,          -- NULL: the record has none
    headers    BYTEA NOT NULL, -- encoded by codec.go
    payload    BYTEA           -- NULL: a tombstone
);

-- What happened to a failure, and who did it. Only ever added to.
CREATE TABLE history (
    happened_at BIGINT NOT NULL CHECK (happened_at BETWEEN 0 AND 9223372036854775807),
    failure_id  TEXT   NOT NULL CHECK (failure_id <> ''),
    entry_id    TEXT   NOT NULL PRIMARY KEY CHECK (entry_id <> ''), -- ordered by time
    action      TEXT   NOT NULL CHECK (action <> ''),
    actor       TEXT   NOT NULL CHECK (actor <> ''),
    detail      TEXT   NOT NULL,
    replay_id   TEXT   NOT NULL
);
CREATE INDEX history_by_failure ON history (failure_id, entry_id);

-- The kinds of failures, and how many there are of each in each status, kept in
-- the transaction that changes a failure: groups are answered from here.
CREATE TABLE kinds (
    fingerprint     TEXT   NOT NULL PRIMARY KEY,
    service         TEXT   NOT NULL,
    error_class     TEXT   NOT NULL,
    sample          TEXT   NOT NULL,
    first_failed_at BIGINT NOT NULL CHECK (first_failed_at BETWEEN -9223372036854775807 AND 9223372036854775807),
    last_failed_at  BIGINT NOT NULL CHECK (last_failed_at BETWEEN -9223372036854775807 AND 9223372036854775807)
);
CREATE TABLE kind_counts (
    fingerprint TEXT     NOT NULL,
    status      SMALLINT NOT NULL CHECK (status BETWEEN 1 AND 5),
    failures    BIGINT   NOT NULL CHECK (failures BETWEEN -9223372036854775807 AND 9223372036854775807),
    PRIMARY KEY (fingerprint, status)
);

-- How many failed first in each second, for statistics: never more rows than
-- failures, and kept when these expire.
CREATE TABLE first_failures (
    second      BIGINT NOT NULL CHECK (second BETWEEN -9223372036854775807 AND 9223372036854775807), -- Unix seconds
    failures    BIGINT NOT NULL CHECK (failures BETWEEN 0 AND 9223372036854775807),
    service     TEXT   NOT NULL,
    error_class TEXT   NOT NULL,
    PRIMARY KEY (second, service, error_class)
);

-- +goose Down
DROP TABLE first_failures;
DROP TABLE kind_counts;
DROP TABLE kinds;
DROP TABLE history;
DROP TABLE records;
DROP TABLE failures;
