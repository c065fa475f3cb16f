package inbox_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"floodgate.internal/backbone/embedded/servertest"
	"floodgate.internal/backbone/inbox"
	"floodgate.internal/backbone/record"
)

// redisEffects counts in a hash per group, in the slot of the group's inbox.
type redisEffects struct {
	client redis.UniversalClient
	script *redis.Script
}

// openRedis answers the real server that the environment names; there is no
// embedded one.
func openRedis(t *testing.T) redisEffects {
	t.Helper()
	addrs := os.Getenv(servertest.RedisVar)
	if addrs == "" {
		t.Skip("no real Redis: " + servertest.RedisVar + " is not set")
	}
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: strings.Split(addrs, ",")})
	t.Cleanup(func() { _ = client.Close() })
	return redisEffects{client: client, script: inbox.Script(`
		if not inbox_new(KEYS[1], ARGV[1]) then return 0 end
		redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
		redis.call('PEXPIRE', KEYS[2], 600000) -- of the test alone
		return 1`)}
}

func effectsKey(group string) string { return "effects:{" + group + "}" }

func (s redisEffects) deliver(t rapid.TB, in *inbox.Inbox, records []*record.Record, dies point) []inbox.Verdict {
	verdicts := make([]inbox.Verdict, len(records))
	for i, r := range records {
		if errors.Is(in.Check(r), inbox.ErrTooOld) {
			verdicts[i] = inbox.TooOld
			continue
		}
		if dies == beforeCommit {
			break
		}
		group := inbox.GroupOf(in)
		key, err := in.Key(group, r)
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := s.script.Run(context.Background(), s.client, []string{key, effectsKey(group)}, in.TTL(), string(r.Value)).Int()
		if err != nil {
			t.Errorf("delivering: %v", err)
			return verdicts
		}
		if fresh == 1 {
			verdicts[i] = inbox.Fresh
		}
	}
	return verdicts
}

func (s redisEffects) applied(t rapid.TB, group string) map[string]int {
	all, err := s.client.HGetAll(context.Background(), effectsKey(group)).Result()
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int, len(all))
	for event, n := range all {
		counts[event], _ = strconv.Atoi(n)
	}
	return counts
}

func TestRedis(t *testing.T) {
	t.Parallel()
	conform(t, openRedis(t))
}

// A key lives as long as Retention says, or for ever.
func TestRedisForgetsAfterRetention(t *testing.T) {
	t.Parallel()
	s := openRedis(t)
	for retention, want := range map[time.Duration]func(time.Duration) bool{
		time.Hour:     func(left time.Duration) bool { return left > 0 && left <= time.Hour },
		inbox.Forever: func(left time.Duration) bool { return left == -1 }, // Redis: it has no time to live
	} {
		in, group := newInbox(t, func(c *inbox.Config) { c.Retention = retention })
		s.deliver(t, in, events(1), never)
		key, err := in.Key(group, event(1))
		if err != nil {
			t.Fatal(err)
		}
		left, err := s.client.PTTL(t.Context(), key).Result()
		if err != nil || !want(left) {
			t.Errorf("with %s the key has %s to live: %v", retention, left, err)
		}
		s.client.Del(t.Context(), key)
	}
}
