package inbox_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/inbox"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// subject is a store whose effect counts how often each event was applied, with
// the inbox in the effect's transaction or script.
type subject interface {
	// deliver is one attempt of a consumer at a slice, which dies at a point.
	deliver(t rapid.TB, in *inbox.Inbox, records []*record.Record, dies point) []inbox.Verdict
	// applied counts a group's effects by event.
	applied(t rapid.TB, group string) map[string]int
}

// point is where a consumer dies.
type point int

const (
	never point = iota
	beforeCommit
	afterCommit
)

var errDead = errors.New("the consumer is dead")

func newInbox(t rapid.TB, change func(*inbox.Config)) (in *inbox.Inbox, group string) {
	t.Helper()
	cfg := inbox.Config{Group: "g-" + uuid.NewString(), Topics: []string{topics.VoteCast}, Retention: time.Hour}
	if change != nil {
		change(&cfg)
	}
	in, err := inbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return in, cfg.Group
}

// event is a delivery of event number n; the value names the effect.
func event(n int) *record.Record {
	id := record.EventID("test", fmt.Sprint(n)).String()
	return &record.Record{
		Topic: topics.VoteCast, Offset: int64(n), Key: []byte("k"), Value: fmt.Append(nil, n),
		Headers: []record.Header{{Key: record.HeaderEventID, Value: []byte(id)}}, Timestamp: time.Now(),
	}
}

func events(numbers ...int) []*record.Record {
	out := make([]*record.Record, len(numbers))
	for i, n := range numbers {
		out[i] = event(n)
	}
	return out
}

// conform holds a store to the promise.
func conform(t *testing.T, s subject) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, subject){
		"a slice with repetitions counts each event once":      repetitions,
		"what died before its commit is applied later":         deadBeforeCommit,
		"what died after its commit is not applied again":      deadAfterCommit,
		"a zombie and the next owner apply an event once":      zombies,
		"each group applies for itself":                        groups,
		"more events than a statement takes":                   manyEvents,
		"an event older than the inbox remembers is refused":   tooOld,
		"an old event is applied when somebody vouches for it": vouched,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, s)
		})
	}
	t.Run("any interleaving", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) { interleaving(t, s) })
	})
}

func repetitions(t *testing.T, s subject) {
	in, group := newInbox(t, nil)
	got := s.deliver(t, in, events(1, 2, 1, 1), never)
	want := []inbox.Verdict{inbox.Fresh, inbox.Fresh, inbox.Seen, inbox.Seen}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("verdicts %v, want %v", got, want)
	}
	s.deliver(t, in, events(2, 3, 1), never)
	once(t, s, group, 1, 2, 3)
}

func deadBeforeCommit(t *testing.T, s subject) {
	in, group := newInbox(t, nil)
	s.deliver(t, in, events(1, 2), beforeCommit)
	once(t, s, group)
	s.deliver(t, in, events(1, 2), never)
	once(t, s, group, 1, 2)
}

func deadAfterCommit(t *testing.T, s subject) {
	in, group := newInbox(t, nil)
	s.deliver(t, in, events(1, 2), afterCommit)
	s.deliver(t, in, events(1, 2, 3), never)
	once(t, s, group, 1, 2, 3)
}

func zombies(t *testing.T, s subject) {
	in, group := newInbox(t, nil)
	for n := range 20 {
		// In opposite orders, as they would wait for each other.
		beside(
			func() { s.deliver(t, in, events(n, n+100), never) },
			func() { s.deliver(t, in, events(n+100, n), never) },
		)
	}
	counts := s.applied(t, group)
	for id, n := range counts {
		if n != 1 {
			t.Errorf("event %s was applied %d times", id, n)
		}
	}
	if len(counts) != 40 {
		t.Errorf("%d events were applied, want 40", len(counts))
	}
}

func groups(t *testing.T, s subject) {
	first, one := newInbox(t, nil)
	second, two := newInbox(t, nil)
	s.deliver(t, first, events(1), never)
	s.deliver(t, second, events(1, 2), never)
	once(t, s, one, 1)
	once(t, s, two, 1, 2)
}

func manyEvents(t *testing.T, s subject) {
	in, group := newInbox(t, nil)
	numbers := make([]int, 1300)
	for i := range numbers {
		numbers[i] = i
	}
	s.deliver(t, in, events(numbers[:700]...), never)
	s.deliver(t, in, events(numbers...), never)
	once(t, s, group, numbers...)
}

// spooledAt marks a record as relayed from a spool.
func spooledAt(r *record.Record, at time.Time) *record.Record {
	r.Headers = record.Set(r.Headers, record.HeaderSpooledAt, at.Format(time.RFC3339Nano))
	return r
}

func tooOld(t *testing.T, s subject) {
	in, group := newInbox(t, nil)
	young, old := spooledAt(event(1), time.Now().Add(-50*time.Minute)), spooledAt(event(2), time.Now().Add(-61*time.Minute))
	got := s.deliver(t, in, []*record.Record{young, old, event(3)}, never)
	if fmt.Sprint(got) != fmt.Sprint([]inbox.Verdict{inbox.Fresh, inbox.TooOld, inbox.Fresh}) {
		t.Errorf("verdicts %v", got)
	}
	err := got[1].Err()
	if !errors.Is(err, inbox.ErrTooOld) || failure.ClassOf(err) != failure.Permanent || failure.ReasonOf(err) != "INBOX_TOO_OLD" {
		t.Errorf("the verdict's error: %v", err)
	}
	if got[0].Err() != nil || inbox.Seen.Err() != nil {
		t.Error("a verdict other than too old is an error")
	}
	once(t, s, group, 1, 3)
}

func vouched(t *testing.T, s subject) {
	var asked []int64
	in, group := newInbox(t, func(c *inbox.Config) {
		c.Vouch = func(r *record.Record) bool {
			asked = append(asked, r.Offset)
			return r.Offset == 2
		}
	})
	records := events(1, 2, 3)
	for _, r := range records[1:] {
		spooledAt(r, time.Now().Add(-2*time.Hour))
	}
	s.deliver(t, in, records, never)
	once(t, s, group, 1, 2)
	if fmt.Sprint(asked) != "[2 3]" {
		t.Errorf("asked about %v, want the old ones alone", asked)
	}
}

// once checks that exactly these events are applied, each once.
func once(t rapid.TB, s subject, group string, numbers ...int) {
	t.Helper()
	want := map[string]int{}
	for _, n := range numbers {
		want[fmt.Sprint(n)] = 1
	}
	if got := s.applied(t, group); !maps.Equal(got, want) {
		t.Fatalf("applied %v, want %v", got, want)
	}
}

func beside(calls ...func()) {
	var all sync.WaitGroup
	for _, call := range calls {
		all.Go(call)
	}
	all.Wait()
}

// interleaving delivers slices of few events again and again, with deaths at any
// point and a former owner that runs beside its successor. At each moment
// exactly what some attempt has committed is applied, and once.
func interleaving(t *rapid.T, s subject) {
	in, group := newInbox(t, nil)
	slice := rapid.SliceOfN(rapid.IntRange(1, 6), 1, 8)
	deaths := rapid.SampledFrom([]point{never, beforeCommit, afterCommit})
	committed := map[string]int{}
	for range rapid.IntRange(1, 8).Draw(t, "steps") {
		mine, myDeath := slice.Draw(t, "slice"), deaths.Draw(t, "dies")
		attempts := []func(){func() { s.deliver(t, in, events(mine...), myDeath) }}
		if rapid.Bool().Draw(t, "zombie") {
			theirs, theirDeath := slice.Draw(t, "zombie's slice"), deaths.Draw(t, "zombie dies")
			attempts = append(attempts, func() { s.deliver(t, in, events(theirs...), theirDeath) })
			note(committed, theirs, theirDeath)
		}
		note(committed, mine, myDeath)
		beside(attempts...)
		if got := s.applied(t, group); !maps.Equal(got, committed) {
			t.Fatalf("applied %v, committed %v", got, committed)
		}
	}
}

func note(committed map[string]int, numbers []int, dies point) {
	for _, n := range numbers {
		if dies != beforeCommit {
			committed[fmt.Sprint(n)] = 1
		}
	}
}
