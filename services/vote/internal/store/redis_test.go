package store_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
	"floodgate.internal/services/vote/internal/store/storetest"
)

// openRedis answers a client of the real server that the environment names.
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
