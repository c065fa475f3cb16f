package consume

import (
	"context"
	"errors"
	"fmt"
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
