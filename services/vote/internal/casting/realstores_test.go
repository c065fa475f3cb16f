package casting_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
)

// redisVar is the environment variable that lists Redis servers.
const redisVar = "FLOODGATE_REDIS_ADDRS"

// lenientPoll answers a poll of its own in which a voter may vote ten times: an
// event that is taken twice is counted twice, and not told apart as a duplicate.
func lenientPoll() ballot.Poll {
	return ballot.Poll{ID: "poll-" + rand.Text(), Candidates: []ballot.Candidate{{ID: "a"}}, VotesPerVoter: 10}
}

// votesOf answers a log of votes of one voter: one with each id, in order.
func votesOf(poll ballot.Poll, ids ...string) []casting.Event {
	events := make([]casting.Event, len(ids))
	for i, id := range ids {
		events[i] = casting.Event{
			Shard: casting.Shard{Poll: poll.ID, Number: topics.VoteShard("anna")}, Voter: "anna", Offset: int64(i), Place: i,
			Vote: &ballot.Vote{ID: id, Candidate: "a", Offset: int64(i)},
		}
	}
	return events
}

// bookkeeper answers books of one process over a database, and its ledger.
func bookkeeper(t *testing.T, db *sqldb.DB, poll ballot.Poll) (*casting.Books, casting.Ledger) {
	t.Helper()
	tables, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return casting.NewBooks(tables.Ledger, casting.NewPollCache(&fakePolls{poll: poll}, time.Minute)), tables.Ledger
}

// booked answers the poll's only row of the ledger, and how many receipts there
// are.
func booked(t *testing.T, l casting.Ledger, poll ballot.Poll) (casting.ShardRow, int) {
	t.Helper()
	rows, err := l.Counts(t.Context(), poll.ID)
	if err != nil || len(rows) != 1 {
		t.Fatalf("rows %+v: %v", rows, err)
	}
	receipts, err := l.Page(t.Context(), poll.ID, casting.Identity{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return rows[0], len(receipts)
}

// views are the live views there are: Redis where the environment names one.
func views(t *testing.T) map[string]casting.View {
	t.Helper()
	all := map[string]casting.View{"memory": store.NewMemoryView(time.Minute)}
	if addrs := os.Getenv(redisVar); addrs != "" {
		client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: strings.Split(addrs, ",")})
		t.Cleanup(func() { _ = client.Close() })
		all["redis"] = store.NewRedisView(client, time.Minute)
	}
	return all
}

// counter is a process that counts a partition's records in a view.
type counter struct {
	*casting.TallyClaim
	stop context.CancelFunc
	read *casting.Counter
}

func noFloors() *fakeFloors { return &fakeFloors{floors: map[casting.Shard]casting.Floor{}} }

// counting begins a claim of partition 0 over a view.
func counting(t *testing.T, view casting.View, floors casting.Floors, poll ballot.Poll, log casting.Log) *counter {
	t.Helper()
	ledger := newFakeLedger()
	cache := casting.NewPollCache(&fakePolls{poll: poll}, time.Minute)
	tally := casting.NewTally(casting.TallyConfig{}, view, floors, ledger, log, cache, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	claim, err := tally.Claim(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{claim, stop, casting.NewCounter(cache, view, floors, ledger, log)}
	t.Cleanup(c.end)
	return c
}

func (c *counter) end() {
	c.stop()
	c.Wait()
}
