package consume

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// A batch that fails as a whole is tried within its budget, then halved until
// the poison stands alone; everything else is handled.
func TestPoisonIsFoundByHalving(t *testing.T) {
	t.Parallel()
	for _, poison := range []int64{0, 3, 7} {
		synctest.Test(t, func(t *testing.T) {
			src, dead := newFakeSource(16), &fakeLetters{}
			handled := make(map[int64]bool)
			cfg := Config{BatchRecords: 8, Retry: Retry{Tries: 3}}
			_, end := begin(t, cfg, src, batchFunc(func(_ context.Context, b *Batch) error {
				for _, r := range b.Records {
					if r.Offset == poison {
						return errors.New("poison")
					}
				}
				for _, r := range b.Records {
					handled[r.Offset] = true
				}
				return nil
			}), dead)
			src.send(0, "a", "b", "c", "d", "e", "f", "g", "h")
			elapse(time.Minute)
			synctest.Wait()
			if got := dead.offsets(); !slices.Equal(got, []int64{poison}) {
				t.Errorf("dead letters %v, want %d", got, poison)
			}
			if len(handled) != 7 || src.marked() != 8 {
				t.Errorf("handled %v, marked %d", handled, src.marked())
			}
			// 3 tries of 8, one each of 4 and 2, 3 of the record alone.
			if got := dead.got[0].Deliveries; got != 8 {
				t.Errorf("%d deliveries, want 8", got)
			}
			end()
		})
	}
}

func TestMarkedRecordsGoByTheirClass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, dead := newFakeSource(16), &fakeLetters{}
		var batches [][]int64
		_, end := begin(t, Config{BatchRecords: 4}, src, batchFunc(func(_ context.Context, b *Batch) error {
			var offsets []int64
			for i, r := range b.Records {
				offsets = append(offsets, r.Offset)
				switch {
				case r.Offset == 0:
					b.Fail(i, failure.As(failure.Undecodable, "BAD", errors.New("bad")))
				case r.Offset == 2 && len(batches) < 2:
					b.Fail(i, errors.New("not yet"))
				case r.Offset == 3:
					b.Fail(i, errors.New("a slip"))
					b.Fail(i, nil)
				}
			}
			batches = append(batches, offsets)
			return nil
		}), dead)
		src.send(0, "a", "b", "c", "d")
		elapse(time.Minute)
		synctest.Wait()
		if want := [][]int64{{0, 1, 2, 3}, {2}, {2}}; !slices.EqualFunc(batches, want, slices.Equal) {
			t.Errorf("batches %v, want %v", batches, want)
		}
		if got := dead.offsets(); !slices.Equal(got, []int64{0}) || src.marked() != 4 {
			t.Errorf("dead letters %v, marked %d", got, src.marked())
		}
		end()
	})
}

// An outage is waited for without a limit and dead-letters nothing.
func TestOutageHoldsThePartition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, dead := newFakeSource(16), &fakeLetters{}
		began := time.Now()
		g, end := begin(t, Config{BatchRecords: 2}, src, batchFunc(func(context.Context, *Batch) error {
			if time.Since(began) < time.Hour {
				return failure.As(failure.Outage, "REDIS_AWAY", errors.New("connection refused"))
			}
			return nil
		}), dead)
		src.send(0, "a", "b")
		elapse(30 * time.Minute)
		synctest.Wait()
		if state := g.Claims()[0]; state.State != StateOutage || state.Err == nil || state.Next != 0 || src.marked() != -1 {
			t.Errorf("state %+v, marked %d", state, src.marked())
		}
		elapse(31 * time.Minute)
		synctest.Wait()
		if state := g.Claims()[0]; state.State != StateRunning || src.marked() != 2 || len(dead.got) != 0 {
			t.Errorf("state %+v, marked %d, dead letters %d", state, src.marked(), len(dead.got))
		}
		end()
	})
}

// An outage, however long, is not taken from the record's own budget: the first
// slip after it is tried again.
func TestAnOutageLeavesTheBudgetWhole(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"record", "batch"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				src, dead := newFakeSource(1), &fakeLetters{}
				began, slips := time.Now(), 0
				try := func() error {
					if time.Since(began) < time.Hour {
						return failure.As(failure.Outage, "AWAY", errors.New("away"))
					}
					slips++
					if slips < 5 {
						return errors.New("a slip")
					}
					return nil
				}
				var handler any = handlerFunc(func(context.Context, *record.Record) error { return try() })
				if name == "batch" {
					handler = batchFunc(func(context.Context, *Batch) error { return try() })
				}
				_, end := begin(t, Config{}, src, handler, dead)
				src.send(0, "a")
				elapse(2 * time.Hour)
				synctest.Wait()
				if len(dead.got) != 0 || slips != 5 || src.marked() != 1 {
					t.Errorf("%d dead letters after %d slips, marked %d", len(dead.got), slips, src.marked())
				}
				end()
			})
		})
	}
}

// The offset does not pass a failed record before its dead letter is durable.
func TestDeadLetterIsHeldUntilItsAck(t *testing.T) {
	t.Parallel()
	for name, handler := range failers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				src, dead := newFakeSource(16), &fakeLetters{refuse: 20}
				g, end := begin(t, Config{BatchRecords: 1}, src, handler, dead)
				src.send(0, "a", "a")
				elapse(10 * time.Second)
				synctest.Wait()
				if state := g.Claims()[0]; state.State != StateDeadLetterHeld || src.marked() != -1 {
					t.Errorf("state %+v, marked %d", state, src.marked())
				}
				elapse(10 * time.Minute)
				synctest.Wait()
				if got := dead.offsets(); !slices.Equal(got, []int64{0, 1}) || src.marked() != 2 {
					t.Errorf("dead letters %v, marked %d", got, src.marked())
				}
				end()
			})
		})
	}
}

func failers() map[string]any {
	err := failure.As(failure.Permanent, "NO", errors.New("no"))
	return map[string]any{
		"batch":  batchFunc(func(context.Context, *Batch) error { return err }),
		"record": handlerFunc(func(context.Context, *record.Record) error { return err }),
	}
}

// The budget of time ends a retry as the budget of tries does.
func TestRetryEndsWithItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, dead := newFakeSource(16), &fakeLetters{}
		tries := 0
		cfg := Config{Retry: Retry{Tries: 1 << 30, MaxElapsed: 10 * time.Second, Initial: time.Second, Max: time.Second}}
		_, end := begin(t, cfg, src, handlerFunc(func(context.Context, *record.Record) error {
			tries++
			return errors.New("still not")
		}), dead)
		began := time.Now()
		src.send(0, "a")
		for len(dead.offsets()) == 0 {
			elapse(100 * time.Millisecond)
		}
		if took := time.Since(began); took < 10*time.Second || took > 12*time.Second {
			t.Errorf("gave up after %s", took)
		}
		if l := dead.got[0]; l.Deliveries != tries || !l.FirstFailedAt.Equal(began) || l.LastFailedAt.Before(began.Add(10*time.Second)) {
			t.Errorf("letter %+v after %d tries", l, tries)
		}
		end()
	})
}

// A batch full of bad records costs the time of one key's letters, in order,
// not of all letters after one another.
func TestLettersOfKeysAreWrittenBesideEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, dead := newFakeSource(16), &slowLetters{}
		_, end := begin(t, Config{BatchRecords: 12}, src, batchFunc(func(_ context.Context, b *Batch) error {
			for i := range b.Records {
				b.Fail(i, failure.As(failure.Undecodable, "BAD", errors.New("bad")))
			}
			return nil
		}), dead)
		src.send(0, "a", "b", "c", "a", "b", "c", "a", "b", "c", "a", "b", "c")
		elapse(4*time.Second + time.Millisecond)
		synctest.Wait()
		if got := dead.offsets(); len(got) != 12 {
			t.Fatalf("%d letters after 4 s, each takes 1 s", len(got))
		}
		of := make(map[string][]int64)
		for _, l := range dead.got {
			of[string(l.Record.Key)] = append(of[string(l.Record.Key)], l.Record.Offset)
		}
		for key, offsets := range of {
			if !slices.IsSorted(offsets) {
				t.Errorf("letters of key %s in order %v", key, offsets)
			}
		}
		end()
		if src.marked() != 12 {
			t.Errorf("marked %d", src.marked())
		}
	})
}

type slowLetters struct{ fakeLetters }

func (l *slowLetters) Write(ctx context.Context, letter deadletter.Letter) error {
	elapse(time.Second)
	return l.fakeLetters.Write(ctx, letter)
}
