-- What a replay has selected and how far it has come. The selection is frozen
-- before the first record moves.

-- +goose Up

CREATE TABLE replays (
    created_at      BIGINT   NOT NULL CHECK (created_at BETWEEN 0 AND 9223372036854775807),
    ended_at        BIGINT   NOT NULL CHECK (ended_at BETWEEN 0 AND 9223372036854775807), -- 0: it has not
    rate_per_second INTEGER  NOT NULL CHECK (rate_per_second BETWEEN 1 AND 2147483647),
    stop_permille   INTEGER  NOT NULL CHECK (stop_permille BETWEEN 0 AND 1000), -- failed again of all confirmed
    canary          SMALLINT NOT NULL CHECK (canary IN (0, 1)),
    state           SMALLINT NOT NULL CHECK (state BETWEEN 1 AND 5), -- floodgate.dlq.v1.Replay.State
    replay_id       TEXT     NOT NULL PRIMARY KEY CHECK (replay_id <> ''),
    request_id      TEXT     NOT NULL, -- '': the request was not named
    filter          TEXT     NOT NULL,
    actor           TEXT     NOT NULL CHECK (actor <> ''),
    reason          TEXT     NOT NULL,
    stop_reason     TEXT     NOT NULL
);
-- A request that is repeated makes no second replay.
CREATE UNIQUE INDEX replays_by_request ON replays (request_id) WHERE request_id <> '';
CREATE INDEX replays_open ON replays (created_at) WHERE ended_at = 0;

CREATE TABLE replay_items (
    item         BIGINT   NOT NULL CHECK (item BETWEEN 0 AND 9223372036854775807), -- the order of publishing
    published_at BIGINT   NOT NULL CHECK (published_at BETWEEN 0 AND 9223372036854775807), -- 0: not yet
    settled_at   BIGINT   NOT NULL CHECK (settled_at BETWEEN 0 AND 9223372036854775807),
    -- 1 selected, 2 published, 3 applied, 4 already applied, 5 failed again,
    -- 6 skipped, 7 released
    state        SMALLINT NOT NULL CHECK (state BETWEEN 1 AND 7),
    replay_id    TEXT     NOT NULL CHECK (replay_id <> ''),
    failure_id   TEXT     NOT NULL CHECK (failure_id <> ''),
    detail       TEXT     NOT NULL,
    PRIMARY KEY (replay_id, item)
);
CREATE UNIQUE INDEX replay_items_once ON replay_items (replay_id, failure_id);
-- One open claim per failure, whoever asks and however often (DESIGN section 7).
CREATE UNIQUE INDEX replay_claims ON replay_items (failure_id) WHERE state <= 2;
CREATE INDEX replay_items_by_state ON replay_items (replay_id, state, item);

-- +goose Down
DROP TABLE replay_items;
DROP TABLE replays;
