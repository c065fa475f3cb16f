package vote_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// In the middle of a burst Redis is emptied, and later set back to a snapshot
// taken earlier. Nobody does anything; the counts are whole again (rules 5 and
// 6 of SEMANTICS). Without a server named by FLOODGATE_REDIS_ADDRS the same is
// played upon the view in process, in package casting.
func TestRedisEmptiedAndSetBackInABurst(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	if len(in.RedisAddrs) == 0 {
		t.Skip("no Redis: FLOODGATE_REDIS_ADDRS names none")
	}
	one, two := in.start(nil), in.start(nil)
	in.poll(one, "final", nil)
	client := redis.NewClient(&redis.Options{Addr: in.RedisAddrs[0]})
	t.Cleanup(func() { _ = client.Close() })

	const rounds, perRound = 30, 400
	var snapshot map[string]string
	for round := range rounds {
		var casting sync.WaitGroup
		for half, i := range []*instance{one, two} {
			casting.Go(func() { in.castRound(i, round, half*perRound/2, perRound/2) })
		}
		switch round {
		case 8, 22:
			in.must(client.FlushAll(t.Context()).Err())
		case 12:
			snapshot = dumpAll(t, client)
		case 16, 26:
			restoreAll(t, client, snapshot)
		}
		casting.Wait()
	}
	tally := in.settled(one, "final", rounds*perRound)
	if tally.GetTotal() != rounds*perRound {
		t.Errorf("tally %v", tally)
	}
	// Again with nobody voting: an idle view is noticed too.
	in.must(client.FlushAll(t.Context()).Err())
	in.eventually("the emptied view is rebuilt", func() bool { return client.DBSize(t.Context()).Val() > 0 })
	restoreAll(t, client, snapshot)
	if tally := in.settled(two, "final", rounds*perRound); tally.GetTotal() != rounds*perRound {
		t.Errorf("idle: %v", tally)
	}
}

// castRound casts one round's votes in one call; each voter votes once.
func (in *installation) castRound(i *instance, round, from, n int) {
	in.t.Helper()
	req := &votev1.BatchCastVotesRequest{}
	for v := from; v < from+n; v++ {
		req.Votes = append(req.Votes, ballot("final", fmt.Sprintf("voter-%d-%d", round, v), "v", "a"))
	}
	res, err := i.BatchCastVotes(in.t.Context(), req)
	if err != nil {
		in.t.Error(err)
		return
	}
	for _, r := range res.GetResults() {
		if r.GetAccepted() == nil {
			in.t.Errorf("not accepted: %x", r.GetStatus())
		}
	}
}

func dumpAll(t *testing.T, client *redis.Client) map[string]string {
	t.Helper()
	out := map[string]string{}
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		dump, err := client.Dump(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		out[key] = dump
	}
	return out
}

// restoreAll sets Redis back: what is there now is gone.
func restoreAll(t *testing.T, client *redis.Client, snapshot map[string]string) {
	t.Helper()
	_, err := client.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.FlushAll(context.WithoutCancel(t.Context()))
		for key, dump := range snapshot {
			p.RestoreReplace(t.Context(), key, time.Hour, dump)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
