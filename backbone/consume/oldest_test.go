package consume_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"floodgate.internal/backbone/consume"
)

// starting tells where a claim begins.
type starting struct{ at chan int64 }

func (s starting) StartClaim(_ context.Context, c consume.Claim) error {
	s.at <- c.Start
	return nil
}

func (starting) HandleBatch(context.Context, *consume.Batch) error { return nil }

// A group that has committed nothing begins at the oldest record: what was
// accepted before its first start is handled too (SEMANTICS 4).
func TestANewGroupBeginsAtTheOldestRecord(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	client := open(t, b)
	topic := newTopic(t, client, 1)
	produce(t, client, topic, 1, 0, 5)
	claim := starting{make(chan int64, 1)}
	start(t, consume.Config{Group: "g." + uuid.NewString()[:8], Topics: []string{topic}}, b, claim, &letters{})
	select {
	case at := <-claim.at:
		if at != 0 {
			t.Errorf("a new group begins at offset %d of 5, want 0", at)
		}
	case <-t.Context().Done():
		t.Error("no claim began")
	}
}
