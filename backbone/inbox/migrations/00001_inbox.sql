-- What each group has applied, on PostgreSQL and SQLite alike. Times are Unix
-- microseconds; SQLite stores a value of a wrong type silently, hence the bounds.

-- +goose Up

CREATE TABLE inbox (
    consumer_group TEXT   NOT NULL CHECK (consumer_group <> ''),
    event_id       TEXT   NOT NULL CHECK (length(event_id) = 36), -- a UUID in its canonical form
    applied_at     BIGINT NOT NULL CHECK (applied_at BETWEEN 0 AND 9223372036854775807),
    PRIMARY KEY (consumer_group, event_id)
);
CREATE INDEX inbox_by_age ON inbox (consumer_group, applied_at);

-- +goose Down

DROP TABLE inbox;
