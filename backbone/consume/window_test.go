package consume

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// A full window stops the reading of its own partition, by records or by bytes,
// and nothing else: the other partition's records and commits go on, and what
// waits is no more than the window, however long and however much lies behind.
func TestAFullWindowStopsItsPartitionAlone(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"records": {Concurrency: 4, MaxInFlightRecords: 10},
		"bytes":   {Concurrency: 4, MaxInFlightBytes: 10 * (1000 + 4)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var away atomic.Bool
				away.Store(true)
				full, free := newFakeSource(0), newFakeSource(0)
				cfg.Topics = []string{"t"}
				g, end := beginOn(t, cfg, sourceClaim(0), full, handlerFunc(func(_ context.Context, r *record.Record) error {
					if r.Partition == 1 && away.Load() {
						return failure.As(failure.Outage, "AWAY", errors.New("away"))
					}
					return nil
				}), &fakeLetters{})
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					g.serve(t.Context(), Claim{Topic: "t", Partition: 2}, free)
				}()
				var read atomic.Int64
				go lag(full, 1, &read)
				var other atomic.Int64
				go lag(free, 2, &other)
				pass(time.Hour)
				claims := g.Claims()
				if c := claims[0]; read.Load() != 10 || c.InFlightRecords != 10 || c.InFlightBytes != 10*1004 || !c.Full || c.State != StateOutage || full.marked() != -1 {
					t.Errorf("%d records were read: %+v", read.Load(), c)
				}
				if c := claims[1]; other.Load() != lagRecords || c.Full || c.State != StateRunning || free.marked() != lagRecords {
					t.Errorf("%d records of the other partition: %+v, marked %d", other.Load(), c, free.marked())
				}
				away.Store(false)
				pass(time.Hour)
				if c := g.Claims()[0]; read.Load() != lagRecords || full.marked() != lagRecords || c.InFlightRecords != 0 || c.InFlightBytes != 0 || c.Full {
					t.Errorf("%d records were read at last, marked %d: %+v", read.Load(), full.marked(), c)
				}
				close(free.revoked)
				<-ended
				end()
			})
		})
	}
}

// lagRecords lie in each partition.
const lagRecords = 3000

// lag offers records of 1,004 bytes and counts those that are taken.
func lag(src *fakeSource, partition int32, read *atomic.Int64) {
	for offset := range int64(lagRecords) {
		m := message(offset, fmt.Sprintf("%04d", offset))
		m.Partition, m.Value = partition, make([]byte, 1000)
		select {
		case src.messages <- m:
			read.Add(1)
		case <-src.revoked:
			return
		}
	}
}

// Records that are there already are taken together, but no more of them than
// there is room for.
func TestRecordsTakenTogetherFitIntoTheWindow(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"records": {Concurrency: 4, MaxInFlightRecords: 10},
		"bytes":   {Concurrency: 4, MaxInFlightBytes: 10*5 - 1}, // the tenth begins within them
		"many":    {Concurrency: 4, MaxInFlightRecords: 2*readTogether + 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				src, free := newFakeSource(lagRecords), make(chan struct{})
				for offset := range int64(lagRecords) {
					m := message(offset, fmt.Sprintf("%04d", offset))
					m.Value = []byte("v")
					src.messages <- m
				}
				g, end := begin(t, cfg, src, handlerFunc(func(context.Context, *record.Record) error {
					<-free
					return nil
				}), &fakeLetters{})
				synctest.Wait()
				want := 10
				if name == "many" {
					want += 2 * readTogether
				}
				if c := g.Claims()[0]; c.InFlightRecords != want || len(src.messages) != lagRecords-want || !c.Full || len(g.InFlight()) != 4 {
					t.Errorf("%d are in flight and %d at work, want %d and 4: %+v", c.InFlightRecords, len(g.InFlight()), want, c)
				}
				close(free)
				pass(time.Minute)
				if src.marked() != lagRecords {
					t.Errorf("marked %d", src.marked())
				}
				end()
			})
		})
	}
}

// A record that waits keeps its own memory alone, not that of those that were
// read beside it and are done: else the window's bound would say nothing.
func TestAStuckRecordKeepsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, free := newFakeSource(readTogether), make(chan struct{})
		var freed atomic.Int32
		for offset := range int64(readTogether) {
			m := message(offset, fmt.Sprint(offset))
			value := new([1 << 10]byte)
			m.Value = value[:]
			runtime.AddCleanup(value, func(struct{}) { freed.Add(1) }, struct{}{})
			src.messages <- m
		}
		_, end := begin(t, Config{}, src, handlerFunc(func(_ context.Context, r *record.Record) error {
			if r.Offset == 0 {
				<-free
			}
			return nil
		}), &fakeLetters{})
		pass(time.Second)
		for range 1000 {
			if freed.Load() == readTogether-1 {
				break
			}
			runtime.GC()
			pass(time.Millisecond)
		}
		if got := freed.Load(); got != readTogether-1 {
			t.Errorf("the memory of %d records is free, want all but that of the one that is stuck", got)
		}
		close(free)
		end()
	})
}
