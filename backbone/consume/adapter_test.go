package consume_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"floodgate.internal/backbone/consume"
)

// seen notes what a batch handler got: per partition the values, in order.
type seen struct {
	mu      sync.Mutex
	values  map[int32][]string
	batches int
	claims  map[int32][]consume.Claim
	ended   int
}

func (s *seen) HandleBatch(_ context.Context, b *consume.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = make(map[int32][]string)
	}
	s.batches++
	for _, r := range b.Records {
		s.values[r.Partition] = append(s.values[r.Partition], string(r.Value))
	}
	return nil
}

func (s *seen) StartClaim(_ context.Context, c consume.Claim) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims == nil {
		s.claims = make(map[int32][]consume.Claim)
	}
	s.claims[c.Partition] = append(s.claims[c.Partition], c)
	return nil
}

func (s *seen) EndClaim(consume.Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended++
}

func (s *seen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, v := range s.values {
		n += len(v)
	}
	return n
}

// Two members, the second joining in the middle: nothing is lost or repeated,
// each partition stays in order, and the group's offsets end at the log's end.
func TestTwoMembersShareWithoutLossOrRepetition(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	client := open(t, b)
	const partitions, n = 6, 3000
	topic := newTopic(t, client, partitions)
	cfg := consume.Config{Group: "g." + uuid.NewString()[:8], Topics: []string{topic}, BatchRecords: 50, CommitEvery: 50 * time.Millisecond}
	first, second := &seen{}, &seen{}
	produce(t, client, topic, partitions, 0, n)
	g1, stop1 := start(t, cfg, b, first, &letters{})
	<-g1.Ready()
	await(t, "the first half", func() bool { return first.count() == n })
	g2, stop2 := start(t, cfg, b, second, &letters{})
	<-g2.Ready()
	await(t, "the second member's share", func() bool { return len(g2.Claims()) == partitions/2 && len(g1.Claims()) == partitions/2 })
	produce(t, client, topic, partitions, n, n)
	await(t, "everything", func() bool { return first.count()+second.count() >= 2*n })
	stop1()
	await(t, "the first member's partitions", func() bool { return len(g2.Claims()) == partitions })
	stop2()
	for p := range int32(partitions) {
		got := append(first.values[p], second.values[p]...)
		for i, v := range got {
			if want := fmt.Sprint(i*partitions + int(p)); v != want {
				t.Fatalf("partition %d: record %d is %s, want %s (%d in all)", p, i, v, want, len(got))
			}
		}
		if len(got) != 2*n/partitions {
			t.Errorf("partition %d: %d records, want %d", p, len(got), 2*n/partitions)
		}
		if got := committed(t, client, cfg.Group, topic, p); got != int64(2*n/partitions) {
			t.Errorf("partition %d: committed %d, want %d", p, got, 2*n/partitions)
		}
	}
	if got := len(second.claims[0]) + len(first.claims[0]); got != 2 && got != 3 {
		t.Errorf("partition 0 was claimed %d times", got)
	}
}
