package consume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/replay"
)

// fakeOutcomes keeps what was told by offset; it refuses the first refuse
// writes, and says of each commit whether it came too soon.
type fakeOutcomes struct {
	mu     sync.Mutex
	refuse int
	told   map[int64]string
	writes int
}

func (o *fakeOutcomes) Write(_ context.Context, group string, outcomes []replay.Outcome) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writes++
	if o.refuse > 0 {
		o.refuse--
		return errors.New("dlq.outcome is away")
	}
	for _, one := range outcomes {
		if o.told == nil {
			o.told = map[int64]string{}
		}
		said := fmt.Sprint(group, " ", one.Err)
		if one.Already {
			said += " already"
		}
		o.told[one.Record.Offset] = said
	}
	return nil
}

func (o *fakeOutcomes) all() map[int64]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.told)
}

// broughtBack is a record on the replay topic of the group "g", of another group or
// a record that only claims to be a replay.
func broughtBack(offset int64, topic, key string) *sarama.ConsumerMessage {
	m := message(offset, key)
	m.Topic = topic
	m.Headers = []*sarama.RecordHeader{
		{Key: []byte(record.HeaderReplayID), Value: []byte("r1")}, {Key: []byte(record.HeaderErrorTopic), Value: []byte("t")},
	}
	return m
}

// handlers of both kinds that cannot read offset 1.
func handlersThatCannotRead() map[string]any {
	bad := failure.As(failure.Undecodable, "BAD", errors.New("bad"))
	return map[string]any{
		"records": handlerFunc(func(_ context.Context, r *record.Record) error {
			if r.Offset == 1 {
				return bad
			}
			return nil
		}),
		"marked": batchFunc(func(_ context.Context, b *Batch) error {
			for i, r := range b.Records {
				if r.Offset == 1 {
					b.Fail(i, bad)
				}
			}
			return nil
		}),
		"halved": batchFunc(func(_ context.Context, b *Batch) error {
			for _, r := range b.Records {
				if r.Offset == 1 {
					return bad
				}
			}
			return nil
		}),
	}
}

// Of each replayed record of the group's own replay topic it is told what became
// of it, of no other record, and no offset is committed before (SEMANTICS 21).
func TestOutcomesAreToldBeforeTheOffsetIsCommitted(t *testing.T) {
	t.Parallel()
	for name, handler := range handlersThatCannotRead() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, dead, outcomes := newFakeSource(16), &fakeLetters{}, &fakeOutcomes{refuse: 5}
				src.onMark = func(next int64) {
					if told := outcomes.all(); next > 0 && told[0] == "" || next > 1 && told[1] == "" {
						t.Errorf("offset %d is marked when %v was told", next, told)
					}
				}
				g, end := begin(t, Config{BatchRecords: 8, Outcomes: outcomes}, src, handler, dead)
				src.messages <- broughtBack(0, "t.replay.g", "a")
				src.messages <- broughtBack(1, "t.replay.g", "b")
				src.messages <- broughtBack(2, "t.replay.other", "c")
				src.messages <- broughtBack(3, "t", "d") // a client's report, back at its source
				src.messages <- message(4, "e")
				synctest.Wait()
				elapse(10 * time.Millisecond) // the linger
				synctest.Wait()
				if state := g.Claims()[0]; state.State != StateOutage || state.Err == nil {
					t.Errorf("while outcomes are refused: %+v", state)
				}
				elapse(time.Minute)
				synctest.Wait()
				if want := map[int64]string{0: "g <nil>", 1: "g bad"}; !maps.Equal(outcomes.all(), want) {
					t.Errorf("told %v, want %v", outcomes.all(), want)
				}
				if src.marked() != 5 || len(dead.got) != 1 {
					t.Errorf("marked %d, dead letters %v", src.marked(), dead.offsets())
				}
				end()
			})
		})
	}
}

// A claim that is revoked while an outcome cannot be told leaves the record to
// its next owner.
func TestAnOutcomeThatCannotBeToldHoldsTheOffset(t *testing.T) {
	t.Parallel()
	for name, handler := range handlersThatCannotRead() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, dead, outcomes := newFakeSource(16), &fakeLetters{}, &fakeOutcomes{refuse: 1 << 30}
				_, end := begin(t, Config{BatchRecords: 8, Outcomes: outcomes}, src, handler, dead)
				src.messages <- broughtBack(0, "t.replay.g", "a")
				src.messages <- broughtBack(1, "t.replay.g", "b")
				elapse(time.Hour)
				end()
				if src.marked() > 0 || outcomes.writes < 10 {
					t.Errorf("marked %d after %d tries", src.marked(), outcomes.writes)
				}
			})
		})
	}
}

// handlersThatFindItDone find the effect of offset 0 done, fail once at offset 1
// after they found it so, and apply the others.
func handlersThatFindItDone() map[string]any {
	fails := func() func(int64) error {
		var tried atomic.Bool
		return func(offset int64) error {
			if offset == 1 && tried.CompareAndSwap(false, true) {
				return errors.New("fails once")
			}
			return nil
		}
	}
	single, marked := fails(), fails()
	return map[string]any{
		"records": handlerFunc(func(ctx context.Context, r *record.Record) error {
			ctx, cancel := context.WithCancel(ctx) // as what a handler calls does
			defer cancel()
			err := single(r.Offset)
			if r.Offset == 0 || err != nil {
				AlreadyApplied(ctx)
			}
			return err
		}),
		"slices": batchFunc(func(_ context.Context, b *Batch) error {
			for i, r := range b.Records {
				err := marked(r.Offset)
				b.Fail(i, err)
				if r.Offset == 0 || err != nil {
					b.AlreadyApplied(i)
				}
			}
			return nil
		}),
	}
}

// What a handler found done is told so, of the record and of the attempt that
// said it, and of no other (SEMANTICS 19, 21).
func TestWhatHadHappenedBeforeIsToldSo(t *testing.T) {
	t.Parallel()
	AlreadyApplied(t.Context()) // outside of an attempt it is nobody's
	for name, handler := range handlersThatFindItDone() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, dead, outcomes := newFakeSource(16), &fakeLetters{}, &fakeOutcomes{}
				_, end := begin(t, Config{BatchRecords: 8, Outcomes: outcomes}, src, handler, dead)
				for offset, key := range []string{"a", "b", "c"} {
					src.messages <- broughtBack(int64(offset), "t.replay.g", key)
				}
				elapse(time.Minute)
				synctest.Wait()
				if want := map[int64]string{0: "g <nil> already", 1: "g <nil>", 2: "g <nil>"}; !maps.Equal(outcomes.all(), want) {
					t.Errorf("told %v, want %v", outcomes.all(), want)
				}
				if src.marked() != 3 || len(dead.got) != 0 {
					t.Errorf("marked %d, dead letters %v", src.marked(), dead.offsets())
				}
				end()
			})
		})
	}
}
