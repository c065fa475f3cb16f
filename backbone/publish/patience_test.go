package publish_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/proto/topics"
)

// A caller whose patience ends is told so, as if its context had ended; the next
// use of the same call does not inherit it.
func TestPatienceEndsTheWait(t *testing.T) {
	t.Parallel()
	c, cfg := embedded(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	held := hold(t, c)
	e := event(name, "k", "v")
	e.Patience = time.Millisecond
	_, err := p.Publish(t.Context(), e)
	if !errors.Is(err, publish.ErrLate) || !errors.Is(err, publish.ErrUnavailable) || errors.Is(err, publish.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) || failure.ClassOf(err) != failure.Outage {
		t.Errorf("late: %v", err)
	}
	held.open()
	e.Patience = 0
	for range 100 {
		if _, err := p.Publish(t.Context(), e); err != nil {
			t.Fatalf("without a bound: %v", err)
		}
	}
	e.Patience = time.Hour
	if _, err := p.Publish(t.Context(), e); err != nil {
		t.Errorf("in time: %v", err)
	}
}

// What Encode answers is what Publish writes.
func TestEncodeIsWhatPublishSends(t *testing.T) {
	t.Parallel()
	cfg := brokers(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	e := event(name, "k", "v")
	e.OccurredAt = time.Now()
	want, err := p.Encode(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := p.Publish(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, cfg, name, ack)
	if diff := cmp.Diff(want.Headers, got.Headers); diff != "" || !bytes.Equal(want.Key, got.Key) || !bytes.Equal(want.Value, got.Value) || want.Topic != name {
		t.Errorf("%+v, sent %+v\n%s", want, got, diff)
	}
}

// Encode refuses what Publish would, though no broker is asked.
func TestEncodeRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	p := publisher(t, brokers(t), publish.Config{})
	for name, bound := range map[string]int{topics.VoteCast: 1 << 20, topics.DLQFailed: 1<<20 + 64<<10} {
		for size, fits := range map[int]bool{bound - 1000: true, bound: false} {
			e := event(name, "k", "")
			e.Message = wrapperspb.Bytes(make([]byte, size))
			if _, err := p.Encode(t.Context(), e); (err == nil) != fits || (err != nil && !errors.Is(err, publish.ErrTooLarge)) {
				t.Errorf("%s, %d bytes: %v", name, size, err)
			}
		}
	}
}
