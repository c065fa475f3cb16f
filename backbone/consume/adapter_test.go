package consume_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/record"
)

// seen notes what a member's handler got: per partition the values, in order.
type seen struct {
	mu     sync.Mutex
	values map[int32][]string
	claims map[int32]int
	n      int
	takes  time.Duration
}

func newSeen(takes time.Duration) *seen {
	return &seen{values: make(map[int32][]string), claims: make(map[int32]int), takes: takes}
}

func (s *seen) note(ctx context.Context, r *record.Record) {
	if s.takes > 0 {
		select {
		case <-time.After(s.takes):
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[r.Partition] = append(s.values[r.Partition], string(r.Value))
	s.n++
}

func (s *seen) StartClaim(_ context.Context, c consume.Claim) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims[c.Partition]++
	return nil
}

func (s *seen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// inBatches and oneByOne make a handler of either kind of it.
type inBatches struct{ *seen }

func (s inBatches) HandleBatch(ctx context.Context, b *consume.Batch) error {
	for _, r := range b.Records {
		s.note(ctx, r)
	}
	return ctx.Err()
}

type oneByOne struct{ *seen }

func (s oneByOne) Handle(ctx context.Context, r *record.Record) error {
	s.note(ctx, r)
	return ctx.Err()
}

// A second member joins while records flow, and the first leaves: nothing is
// lost or repeated, each partition (one key) stays in order across its owners,
// and the group's offsets end at the log's end.
func TestMembersComeAndGoWithoutLossOrRepetition(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(*seen) any{
		"batch":  func(s *seen) any { return inBatches{s} },
		"record": func(s *seen) any { return oneByOne{s} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := cluster(t)
			client := open(t, b)
			const partitions, n = 6, 6000
			topic := newTopic(t, client, partitions)
			cfg := consume.Config{Group: "g." + uuid.NewString()[:8], Topics: []string{topic}, BatchRecords: 20, CommitEvery: 100 * time.Millisecond}
			first, second := newSeen(time.Millisecond), newSeen(time.Millisecond)
			produce(t, client, topic, partitions, 0, n)
			g1, stop1 := start(t, cfg, b, handler(first), &letters{})
			await(t, "the first member's work", func() bool { return first.count() > n/100 })
			g2, _ := start(t, cfg, b, handler(second), &letters{})
			await(t, "an even share", func() bool { return len(g1.Claims()) == partitions/2 && len(g2.Claims()) == partitions/2 })
			produce(t, client, topic, partitions, n, n)
			await(t, "the second member's work", func() bool { return second.count() > n/100 })
			stop1()
			await(t, "everything", func() bool { return first.count()+second.count() >= 2*n })
			await(t, "the last commits", func() bool {
				return committed(t, client, cfg.Group, topic, 0) == 2*n/partitions && committed(t, client, cfg.Group, topic, partitions-1) == 2*n/partitions
			})
			inOrder(t, first, second, partitions, 2*n)
		})
	}
}

// inOrder checks each partition: what the first member got and then the second
// is the log.
func inOrder(t *testing.T, first, second *seen, partitions, n int) {
	t.Helper()
	for p := range int32(partitions) {
		var want []string
		for i := int(p); i < n; i += partitions {
			want = append(want, fmt.Sprint(i))
		}
		if got := append(slices.Clone(first.values[p]), second.values[p]...); !slices.Equal(got, want) {
			t.Errorf("partition %d: %d records out of order, lost or repeated, want %d", p, len(got), len(want))
		}
	}
}

// stuck never ends a batch unless its context is cut.
type stuck struct{ *seen }

func (s stuck) HandleBatch(ctx context.Context, b *consume.Batch) error {
	s.note(ctx, b.Records[0])
	<-ctx.Done()
	return ctx.Err()
}

// A member whose windows are full and whose handler is stuck still lets its
// partitions go when asked, and only those: the claims it keeps go on.
func TestAStuckMemberHandsItsPartitionsOver(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	client := open(t, b)
	const partitions = 4
	topic := newTopic(t, client, partitions)
	produce(t, client, topic, partitions, 0, 8000)
	cfg := consume.Config{
		Group: "g." + uuid.NewString()[:8], Topics: []string{topic}, BatchRecords: 10,
		Deadline: time.Hour, DrainTimeout: 100 * time.Millisecond,
	}
	first, second := newSeen(0), newSeen(0)
	g1, stop1 := start(t, cfg, b, stuck{first}, &letters{})
	await(t, "every partition to be stuck", func() bool { return first.count() == partitions && len(g1.InFlight()) == partitions })
	g2, stop2 := start(t, cfg, b, inBatches{second}, &letters{})
	await(t, "the handing over", func() bool { return len(g2.Claims()) == partitions/2 })
	await(t, "the records of what was handed over", func() bool { return second.count() == 8000/2 })
	stop1()
	stop2()
	begun := 0
	for _, n := range first.claims {
		begun += n
	}
	if begun != partitions {
		t.Errorf("the first member began %d claims, want %d: those it kept were cut", begun, partitions)
	}
}

// held lets no commit pass: for the group it is a member that dies before it
// commits.
type held struct{ inBatches }

func (held) BeforeCommit(context.Context, consume.Claim, int64) error {
	return fmt.Errorf("nothing is durable")
}

func TestWhatWasNotCommittedIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	client := open(t, b)
	topic := newTopic(t, client, 3)
	cfg := consume.Config{Group: "g." + uuid.NewString()[:8], Topics: []string{topic}, CommitEvery: 10 * time.Millisecond}
	produce(t, client, topic, 3, 0, 300)
	dying := newSeen(0)
	_, stop := start(t, cfg, b, held{inBatches{dying}}, &letters{})
	await(t, "the first delivery", func() bool { return dying.count() == 300 })
	stop()
	if got := committed(t, client, cfg.Group, topic, 0); got != -1 {
		t.Errorf("committed %d against the handler's word", got)
	}
	next := newSeen(0)
	_, stop = start(t, cfg, b, inBatches{next}, &letters{})
	await(t, "the second delivery", func() bool { return next.count() == 300 })
	stop()
	inOrder(t, next, newSeen(0), 3, 300)
}
