package store_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
	"floodgate.internal/services/vote/internal/store/storetest"
)

// openRedis answers a client of the real server that the environment names. An
// embedded one would not do: miniredis has no cmsgpack in its Lua.
func openRedis(t testing.TB) redis.UniversalClient {
	t.Helper()
	addrs := os.Getenv("FLOODGATE_REDIS_ADDRS")
	if addrs == "" {
		t.Skip("no real Redis: FLOODGATE_REDIS_ADDRS is not set")
	}
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: strings.Split(addrs, ",")})
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

func TestRedisView(t *testing.T) {
	t.Parallel()
	storetest.Run[casting.View](t, store.NewRedisView(openRedis(t), time.Minute), storetest.ViewCases())
}

func TestRedisViewIsLikeTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, storetest.LikeTheModel(store.NewRedisView(openRedis(t), time.Minute)))
}

func TestRedisViewExpires(t *testing.T) {
	t.Parallel()
	storetest.Expires(t, store.NewRedisView(openRedis(t), 50*time.Millisecond))
}

// redisKey is where a shard is; a change of it would look like a loss of every
// shard at the next deployment.
func redisKey(s casting.Shard) string { return fmt.Sprintf("vote:{%s/%d}", s.Poll, s.Number) }

func TestRedisViewSetBack(t *testing.T) {
	t.Parallel()
	client := openRedis(t)
	storetest.Run(t, storetest.Losable{
		View: store.NewRedisView(client, time.Minute),
		Snapshot: func(ctx context.Context, s casting.Shard) (func() error, error) {
			dump, err := client.Dump(ctx, redisKey(s)).Result()
			return func() error { return client.RestoreReplace(ctx, redisKey(s), time.Minute, dump).Err() }, err
		},
		Drop: func(ctx context.Context, s casting.Shard) error { return client.Del(ctx, redisKey(s)).Err() },
	}, storetest.LosableCases())
}

// TestRedisViewSendsItsScriptAgain: a restarted server, or another in its place,
// knows no scripts.
func TestRedisViewSendsItsScriptAgain(t *testing.T) {
	t.Parallel()
	client := openRedis(t)
	view := store.NewRedisView(client, time.Minute)
	for i := range 3 {
		if err := client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if found := storetest.Fault[casting.View](t.Context(), view, storetest.ViewCases()); found != "" {
			t.Fatalf("round %d: %q", i, found)
		}
	}
}

// TestRedisViewLeavesNoBuilds: what a rebuild writes beside a shard is put in
// place, dropped, or expires.
func TestRedisViewLeavesNoBuilds(t *testing.T) {
	t.Parallel()
	client := openRedis(t)
	view := store.NewRedisView(client, time.Minute)
	poll := "builds-" + rand.Text()
	for _, last := range []int64{5, 3, 7} {
		state := casting.ShardState{Shard: casting.Shard{Poll: poll, Number: 1}, Mark: casting.Mark{Generation: 1, Last: last}}
		if err := view.Replace(t.Context(), state); err != nil {
			t.Fatal(err)
		}
	}
	if keys := keysLike(t, client, "vote:{"+poll+"/*"); len(keys) != 1 {
		t.Errorf("keys %q; want the shard alone", keys)
	}
}

// keysLike answers the keys of all nodes that match a pattern.
func keysLike(t *testing.T, client redis.UniversalClient, pattern string) []string {
	t.Helper()
	var mu sync.Mutex
	var keys []string
	scan := func(ctx context.Context, node *redis.Client) error {
		found := node.Scan(ctx, 0, pattern, 10_000).Iterator()
		for found.Next(ctx) {
			mu.Lock()
			keys = append(keys, found.Val())
			mu.Unlock()
		}
		return found.Err()
	}
	var err error
	switch c := client.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(t.Context(), scan)
	case *redis.Client:
		err = scan(t.Context(), c)
	default:
		t.Fatalf("a client of type %T", client)
	}
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
