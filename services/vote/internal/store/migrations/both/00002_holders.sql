-- +goose Up

-- Which transaction held a shard's row last, by a random number, and which one
-- before: who was the last finds its number again, and knows that nobody else
-- has written votes of the shard since. 0: nobody; -1: somebody, before these
-- columns were there.
ALTER TABLE ledger_shards ADD COLUMN holder BIGINT NOT NULL DEFAULT -1 CHECK (holder BETWEEN -1 AND 9223372036854775807);
ALTER TABLE ledger_shards ADD COLUMN holder_before BIGINT NOT NULL DEFAULT -1 CHECK (holder_before BETWEEN -1 AND 9223372036854775807);

-- +goose Down
ALTER TABLE ledger_shards DROP COLUMN holder;
ALTER TABLE ledger_shards DROP COLUMN holder_before;
