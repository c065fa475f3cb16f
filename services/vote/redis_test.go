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

// Redis is away for longer than any budget of tries: the partition waits,
// nothing is dead-lettered, and the count is whole once Redis is back (rule 23
// of SEMANTICS). Meanwhile the ledger answers for the view.
func TestRedisAwayIsAnOutageAndNoPoison(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	if len(in.RedisAddrs) == 0 {
		t.Skip("no Redis: FLOODGATE_REDIS_ADDRS names none")
	}
	between := newProxy(t, in.RedisAddrs[0])
	in.RedisAddrs = []string{between.addr}
	i := in.start(nil)
	in.poll(i, "final", nil)
	in.castRound(i, 0, 0, 500)
	in.settled(i, "final", 500)
	between.cut()
	in.castRound(i, 1, 0, 500)
	in.eventually("the ledger answers for the view", func() bool {
		tally, err := i.GetTally(t.Context(), &votev1.GetTallyRequest{PollId: "final"})
		in.must(err)
		return tally.GetTotal() == 1000
	})
	in.eventually("readiness names Redis", func() bool { return len(i.ready.Missing(t.Context())) > 0 })
	// Five tries with backoff would be spent by now.
	<-time.After(4 * time.Second)
	between.mend()
	in.settled(i, "final", 1000)
	if letters := in.raw().deadLetters(); len(letters) > 0 {
		t.Errorf("%d records were dead-lettered for Redis: %v", len(letters), letters[0].Headers)
	}
	recount, err := i.Recount(t.Context(), &votev1.RecountRequest{PollId: "final"})
	if err != nil || recount.GetLive()[0].GetCount() != 1000 {
		t.Errorf("recount %v: %v", recount, err)
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
