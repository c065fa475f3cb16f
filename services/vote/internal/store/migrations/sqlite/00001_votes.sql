-- +goose Up
CREATE INDEX IF NOT EXISTS votes_by_id ON votes (vote_id);

-- +goose Down
DROP INDEX votes_by_id;
