-- The spool and outbox of a service, on PostgreSQL and SQLite alike. Times are
-- Unix microseconds. SQLite stores a value of a wrong type silently, and compares
-- text as greater than any number: numbers are bounded on both sides for that.

-- +goose Up

-- A lane is the unit of order: hash(key) mod 64 within a topic. Its row is its
-- lock: whoever gives out sequences, removes rows, takes ownership or looks
-- whether the lane is empty to act upon it holds the row.
CREATE TABLE spool_lanes (
    topic       TEXT    NOT NULL CHECK (topic <> ''),
    lane        INTEGER NOT NULL CHECK (lane BETWEEN 0 AND 63),
    head        BIGINT  NOT NULL CHECK (head BETWEEN 0 AND tail), -- the first row that is there
    tail        BIGINT  NOT NULL CHECK (tail BETWEEN 0 AND 9223372036854775807), -- the next row's; head = tail: none
    bytes       BIGINT  NOT NULL CHECK (bytes BETWEEN 0 AND 9223372036854775807), -- of the rows that are there
    owner       TEXT    NOT NULL, -- the relay that sends; '': none
    owned_until BIGINT  NOT NULL CHECK (owned_until BETWEEN 0 AND 9223372036854775807),
    PRIMARY KEY (topic, lane)
);

-- What is yet to be sent, in order of seq within a lane. No row ever expires.
CREATE TABLE spool_rows (
    topic      TEXT    NOT NULL CHECK (topic <> ''),
    lane       INTEGER NOT NULL CHECK (lane BETWEEN 0 AND 63),
    seq        BIGINT  NOT NULL CHECK (seq BETWEEN 0 AND 9223372036854775807),
    spooled_at BIGINT  NOT NULL CHECK (spooled_at BETWEEN 0 AND 9223372036854775807),
    record     BYTEA   NOT NULL, -- key, value and headers
    PRIMARY KEY (topic, lane, seq)
);
