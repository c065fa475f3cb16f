package consume

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// replayTopic is where the group g has the failures of topic t replayed.
const replayTopic = "t.replay.g"

// holding is a Config whose handler holds keys.
func holding(holds Holds) Config {
	return Config{Topics: []string{"t", replayTopic}, Holds: holds}
}

// replayed answers the letter's record as the DLQ service sends it back.
func replayed(offset int64, l deadletter.Letter, extra ...string) *sarama.ConsumerMessage {
	m := &sarama.ConsumerMessage{Topic: replayTopic, Offset: offset, Key: l.Record.Key, Value: l.Record.Value}
	for _, h := range deadletter.Headers("svc", l) {
		m.Headers = append(m.Headers, &sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	for _, name := range extra {
		m.Headers = append(m.Headers, &sarama.RecordHeader{Key: []byte(name), Value: []byte("true")})
	}
	return m
}

// stubborn refuses the source's records of some values until they are mended,
// and notes what it applied.
type stubborn struct {
	mu      sync.Mutex
	bad     map[string]bool
	applied []string
}

func (s *stubborn) Handle(_ context.Context, r *record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bad[string(r.Value)] {
		return failure.As(failure.Permanent, "BAD", errors.New("bad"))
	}
	s.applied = append(s.applied, string(r.Value))
	return nil
}

func (s *stubborn) mend(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		delete(s.bad, v)
	}
}

func (s *stubborn) order() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.applied, " ")
}

// After a dead letter its key's later records are parked, each saying what it
// waits for, while other keys go on; the replays pass in order, the last frees
// the key.
func TestLaterRecordsOfADeadLetteredKeyArePutBehindIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		holds, dead, h := newFakeHolds(), &fakeLetters{}, &stubborn{bad: map[string]bool{"0": true}}
		src, again := newFakeSource(16), newFakeSource(16)
		_, end := beginOn(t, holding(holds), sourceClaim(0), src, h, dead)
		_, endAgain := beginOn(t, holding(holds), replayClaim(0), again, h, dead)
		src.send(0, "a", "b", "a", "a", "b")
		pass(time.Second)
		if got := h.order(); got != "1 4" || !slices.Equal(holds.held("a"), []int64{0, 2, 3}) || src.marked() != 5 {
			t.Fatalf("applied %s, held %v, marked %d", got, holds.held("a"), src.marked())
		}
		checkParked(t, dead)
		h.mend("0")
		again.messages <- replayed(0, dead.got[0])
		again.messages <- replayed(1, dead.got[1])
		pass(time.Second)
		src.messages <- message(5, "a") // 3 is not replayed yet
		pass(time.Second)
		again.messages <- replayed(2, dead.got[2])
		again.messages <- replayed(3, dead.got[3])
		pass(time.Second)
		src.messages <- message(6, "a")
		pass(time.Second)
		if got := h.order(); got != "1 4 0 2 3 5 6" || len(holds.held("a")) != 0 || again.marked() != 4 {
			t.Errorf("applied %s, held %v, marked %d", got, holds.held("a"), again.marked())
		}
		calls := holds.calls
		src.send(7, "a", "b", "a")
		pass(time.Second)
		if holds.calls != calls {
			t.Errorf("%d questions about keys that are free", holds.calls-calls)
		}
		end()
		endAgain()
	})
}

// checkParked checks the letters of 0 (the failure), 2 and 3 (parked).
func checkParked(t *testing.T, dead *fakeLetters) {
	t.Helper()
	if got := dead.offsets(); !slices.Equal(got, []int64{0, 2, 3}) {
		t.Fatalf("letters of %v", got)
	}
	for i, l := range dead.got {
		headers := deadletter.Headers("svc", l)
		if holds, _ := record.Get(headers, record.HeaderHoldsKey); holds != "true" {
			t.Errorf("letter of %d does not say that its key is held", l.Record.Offset)
		}
		waits, _ := record.Get(headers, record.HeaderWaitsFor)
		if i == 0 && (waits != "" || failure.ClassOf(l.Err) != failure.Permanent) {
			t.Errorf("the failure waits for %q, class %s", waits, failure.ClassOf(l.Err))
		}
		if i > 0 && (waits != "t/1@0" || failure.ClassOf(l.Err) != failure.Held || failure.ReasonOf(l.Err) != "KEY_HELD" || l.Deliveries != 0) {
			t.Errorf("parked: waits for %q, %s %s, %d deliveries", waits, failure.ClassOf(l.Err), failure.ReasonOf(l.Err), l.Deliveries)
		}
	}
}

// A replay that comes before its turn, or fails again, holds its key still; one
// that an operator discarded lets it go unhandled.
func TestReplaysOfAHeldKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		holds, dead, h := newFakeHolds(), &fakeLetters{}, &stubborn{bad: map[string]bool{"0": true}}
		src, again := newFakeSource(16), newFakeSource(16)
		_, end := beginOn(t, holding(holds), sourceClaim(0), src, h, dead)
		src.send(0, "a", "a", "a")
		pass(time.Second)
		_, endAgain := beginOn(t, holding(holds), replayClaim(0), again, h, dead)
		first, second, third := dead.got[0], dead.got[1], dead.got[2]
		again.messages <- replayed(0, second) // before its turn
		again.messages <- replayed(1, first)  // fails again
		pass(time.Second)
		if got := h.order(); got != "" || !slices.Equal(holds.held("a"), []int64{0, 1, 2}) || len(dead.got) != 5 {
			t.Fatalf("applied %s, held %v, %d letters", got, holds.held("a"), len(dead.got))
		}
		if waits := dead.got[3].WaitsFor; waits == nil || waits.Offset != 0 || waits.Topic != "t" || dead.got[4].WaitsFor != nil {
			t.Errorf("letters of the replays: %+v, %+v", dead.got[3], dead.got[4])
		}
		again.messages <- replayed(2, first, record.HeaderDiscarded)
		again.messages <- replayed(3, dead.got[3])
		again.messages <- replayed(4, third)
		pass(time.Second)
		if got := h.order(); got != "1 2" || len(holds.held("a")) != 0 || len(dead.got) != 5 {
			t.Errorf("applied %s, held %v, %d letters", got, holds.held("a"), len(dead.got))
		}
		end()
		endAgain()
	})
}

// What is held is known to the next claim, wherever it runs, and an earlier one
// cannot hold anything more.
func TestHoldsOutliveTheClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		holds, dead, h := newFakeHolds(), &fakeLetters{}, &stubborn{bad: map[string]bool{"0": true}}
		src := newFakeSource(16)
		_, end := beginOn(t, holding(holds), sourceClaim(0), src, h, dead)
		src.send(0, "a")
		pass(time.Second)
		end()
		src = newFakeSource(16)
		_, end = beginOn(t, holding(holds), sourceClaim(1), src, h, dead)
		src.send(1, "a", "b")
		pass(time.Second)
		if got := h.order(); got != "2" || !slices.Equal(dead.offsets(), []int64{0, 1}) {
			t.Errorf("applied %s, letters of %v", got, dead.offsets())
		}
		end()
	})
}

// No record passes, and no letter is written, before its hold is durable.
func TestTheHoldComesBeforeTheLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		holds, dead, h := newFakeHolds(), &fakeLetters{}, &stubborn{bad: map[string]bool{"0": true}}
		src := newFakeSource(16)
		g, end := beginOn(t, holding(holds), sourceClaim(0), src, h, dead)
		synctest.Wait()
		holds.mu.Lock()
		holds.refuse = 5
		holds.mu.Unlock()
		src.send(0, "a", "a")
		pass(time.Millisecond)
		if state := g.Claims()[0]; state.State != StateDeadLetterHeld || len(dead.offsets()) != 0 || src.marked() != -1 {
			t.Errorf("state %+v, letters of %v, marked %d", state, dead.offsets(), src.marked())
		}
		pass(time.Minute)
		if !slices.Equal(dead.offsets(), []int64{0, 1}) || !slices.Equal(holds.held("a"), []int64{0, 1}) || src.marked() != 2 {
			t.Errorf("letters of %v, held %v, marked %d", dead.offsets(), holds.held("a"), src.marked())
		}
		end()
	})
}

// A hold of a revoked claim that lands late is refused: nobody would end it.
func TestALateHoldIsFenced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		holds, dead, h := newFakeHolds(), &fakeLetters{}, &stubborn{bad: map[string]bool{"0": true}}
		cfg := holding(holds)
		cfg.DrainTimeout = time.Second
		src := newFakeSource(16)
		_, end := beginOn(t, cfg, sourceClaim(0), src, h, dead)
		synctest.Wait()
		holds.mu.Lock()
		holds.takes = func() time.Duration { return 10 * time.Second }
		holds.mu.Unlock()
		src.send(0, "a")
		pass(time.Millisecond)
		end()
		holds.mu.Lock()
		holds.takes = nil
		holds.mu.Unlock()
		h.mend("0")
		src = newFakeSource(16)
		_, end = beginOn(t, cfg, sourceClaim(0), src, h, dead)
		src.send(0, "a")
		pass(time.Minute)
		src.send(1, "a")
		pass(time.Second)
		if got := h.order(); got != "0 1" || len(holds.held("a")) != 0 || len(dead.got) != 0 {
			t.Errorf("applied %s, held %v, %d letters", got, holds.held("a"), len(dead.got))
		}
		end()
	})
}

func TestHoldsAreRefusedWhereTheyMakeNoSense(t *testing.T) {
	t.Parallel()
	b := broker.Config{Brokers: []string{"127.0.0.1:1"}}
	cfg := Config{Group: "g", Topics: []string{"t"}, Holds: newFakeHolds()}
	_, err := NewGroup(cfg, b, batchFunc(nil), &fakeLetters{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "BatchHandler") || !strings.Contains(err.Error(), replayTopic) {
		t.Errorf("faults: %v", err)
	}
}

// A hold that this claim learns of while it handles the record, since another
// claim of the partition began meanwhile, is let go as if it had known before.
func TestAHoldLearntMeanwhileIsLetGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, holds, claims := newFakeSource(2), newFakeHolds(), make(chan *claim, 1)
		g, end := beginOn(t, holding(holds), sourceClaim(0), src, handlerFunc(func(_ context.Context, r *record.Record) error {
			c := <-claims
			c.keys.learn(r.Key)
			at, _ := c.keys.place(r)
			return holds.Hold(context.Background(), *c.keys.owner.Load(), at)
		}), &fakeLetters{})
		synctest.Wait()
		claims <- g.current()[0]
		src.send(0, "a")
		pass(time.Second)
		if got := holds.held("a"); len(got) != 0 || src.marked() != 1 {
			t.Errorf("held %v, marked %d", got, src.marked())
		}
		end()
	})
}
