package store

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/casting"
)

// RedisView is the live view on Redis or Valkey, shared by all instances. Safe
// for concurrent use.
//
// A shard is one hash, and a change of it one call of one script: what a script
// does, others see whole or not at all, and so does a replica. A batch of changes
// is one round trip. Keys carry hash tags, so that a cluster spreads the shards.
type RedisView struct {
	client  redis.UniversalClient
	ttl     time.Duration
	apply   *redis.Script
	replace *redis.Script
}

//go:embed scripts/apply.lua
var applyScript string

//go:embed scripts/replace.lua
var replaceScript string

var _ casting.View = (*RedisView)(nil)

// NewRedisView answers a view on a client, which stays the caller's to close.
// Shards expire ttl after their last change; ttl must be a millisecond or more.
func NewRedisView(client redis.UniversalClient, ttl time.Duration) *RedisView {
	return &RedisView{
		client: client, ttl: ttl,
		apply: redis.NewScript(applyScript), replace: redis.NewScript(replaceScript),
	}
}

// shardKey is the key of a shard: one slot each, so that a cluster may have
// them anywhere, with room for a build beside it in the same slot.
func shardKey(s casting.Shard) string { return fmt.Sprintf("vote:{%s/%d}", s.Poll, s.Number) }

// Apply makes each change atomically and answers by place.
func (v *RedisView) Apply(ctx context.Context, changes []casting.Change) ([]casting.Result, error) {
	results := make([]casting.Result, len(changes))
	if len(changes) == 0 {
		return results, nil
	}
	calls := make([]call, len(changes))
	for i := range changes {
		calls[i] = call{place: i, key: shardKey(changes[i].Shard), args: encodeChange(&changes[i], v.ttl)}
	}
	unknown, err := v.run(ctx, calls, results, redis.Pipeliner.EvalSha, v.apply.Hash())
	if err == nil && len(unknown) > 0 {
		// Redis was restarted, or another took its place: send the script along.
		_, err = v.run(ctx, unknown, results, redis.Pipeliner.Eval, applyScript)
	}
	if err != nil {
		return nil, away(fmt.Errorf("applying %d changes to the live view: %w", len(changes), err))
	}
	return results, nil
}

// call is one change on its way to Redis.
type call struct {
	place int
	key   string
	args  []any
}

// eval is EvalSha with a script's hash, or Eval with the script.
type eval = func(p redis.Pipeliner, ctx context.Context, script string, keys []string, args ...any) *redis.Cmd

// run makes calls in one round trip and fills in their results. It answers the
// calls whose script Redis does not know.
func (v *RedisView) run(ctx context.Context, calls []call, results []casting.Result, by eval, script string) ([]call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	pipe := v.client.Pipeline()
	answers := make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		answers[i] = by(pipe, ctx, script, []string{c.key}, c.args...)
	}
	// Its error is that of one of the answers, which are looked at one by one.
	_, _ = pipe.Exec(ctx)
	var unknown []call
	for i, a := range answers {
		values, err := a.Slice()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			unknown = append(unknown, calls[i])
			continue
		}
		if err == nil {
			results[calls[i].place], err = decodeResult(values)
		}
		if err != nil {
			return nil, err
		}
	}
	return unknown, nil
}

// Marks answers how far shards are, by place.
func (v *RedisView) Marks(ctx context.Context, shards []casting.Shard) ([]casting.Mark, error) {
	held, err := v.metas(ctx, shards)
	if err != nil {
		return nil, away(fmt.Errorf("reading %d marks of the live view: %w", len(shards), err))
	}
	marks := make([]casting.Mark, len(shards))
	for i, h := range held {
		marks[i] = h.Mark
	}
	return marks, nil
}

// Counts answers the shards of a poll that are there, by number. Each shard is
// read at one moment, the poll is not.
func (v *RedisView) Counts(ctx context.Context, poll string) ([]casting.ShardCounts, error) {
	shards := make([]casting.Shard, topics.VoteShards)
	for i := range shards {
		shards[i] = casting.Shard{Poll: poll, Number: int32(i)}
	}
	held, err := v.metas(ctx, shards)
	if err != nil {
		return nil, away(fmt.Errorf("reading the live counts of poll %s: %w", poll, err))
	}
	return slices.DeleteFunc(held, func(c casting.ShardCounts) bool { return !c.Mark.Present() }), nil
}

// metas reads mark and totals of shards, by place, in one round trip.
func (v *RedisView) metas(ctx context.Context, shards []casting.Shard) ([]casting.ShardCounts, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	pipe := v.client.Pipeline()
	answers := make([]*redis.StringCmd, len(shards))
	for i, s := range shards {
		answers[i] = pipe.HGet(ctx, shardKey(s), metaField)
	}
	if len(shards) > 0 {
		_, _ = pipe.Exec(ctx) // each answer has its own error
	}
	held := make([]casting.ShardCounts, len(shards))
	for i, a := range answers {
		stored, err := a.Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err == nil {
			held[i], err = decodeMeta(stored)
		}
		if err != nil {
			return nil, err
		}
		held[i].Shard = shards[i].Number
	}
	return held, nil
}
