-- Groups of other frameworks tell no outcomes: that their records were applied is
-- inferred, and a letter that comes later refutes it.

-- +goose Up
ALTER TABLE replay_items ADD COLUMN inferred SMALLINT NOT NULL DEFAULT 0 CHECK (inferred IN (0, 1));

-- +goose Down
ALTER TABLE replay_items DROP COLUMN inferred;
