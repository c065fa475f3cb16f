package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"floodgate.internal/services/vote/internal/casting"
)

// buildTTL is how long a build lives after its last chunk: long for a round
// trip, short for what a killed process leaves behind.
const buildTTL = time.Minute

// chunkFields is how many fields of a build are written at once: Redis serves
// nobody else meanwhile, about a millisecond.
const chunkFields = 1000

// errBuildExpired says that a build lost its first chunks before its last.
var errBuildExpired = errors.New("the build expired while it was written")

// Replace writes the shard beside what is there, in chunks, and then puts it in
// place in one step.
func (v *RedisView) Replace(ctx context.Context, state casting.ShardState) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	key := shardKey(state.Shard)
	// Nobody else's build, and not one of an attempt before: chunks of two
	// builds would make a third that nobody built.
	build := key + ":build:" + rand.Text()
	if err := v.writeBuild(ctx, build, state); err != nil {
		return away(fmt.Errorf("writing shard %s of the live view: %w", key, err))
	}
	placed, err := v.replace.Run(ctx, v.client, []string{key, build},
		state.Mark.Last, v.ttl.Milliseconds(), len(state.Fields)+1).Int()
	if err == nil && placed < 0 {
		err = errBuildExpired
	}
	if err != nil {
		return away(fmt.Errorf("putting shard %s of the live view in place: %w", key, err))
	}
	return nil
}

// writeBuild writes a chunk with each round trip: Redis serves others between.
func (v *RedisView) writeBuild(ctx context.Context, build string, state casting.ShardState) error {
	values := []any{metaField, encodeMeta(state.Mark, state.Counts)}
	for fields := state.Fields; ; {
		chunk := fields[:min(chunkFields, len(fields))]
		fields = fields[len(chunk):]
		for i := range chunk {
			values = append(values, chunk[i].Name, chunk[i].Value)
		}
		_, err := v.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.HSet(ctx, build, values...)
			pipe.PExpire(ctx, build, buildTTL)
			return nil
		})
		if err != nil || len(fields) == 0 {
			return err
		}
		values = values[:0]
	}
}
