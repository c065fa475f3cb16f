package consume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// hourOf is an hour in the life of one member: partitions, each a world with
// its own log, that come and go, while a dependency and the dead letter's topic
// are away now and then.
type hourOf struct {
	group  *Group
	random *rand.Rand // under mu
	mu     sync.Mutex
	worlds []*world
	claims atomic.Int64
	away   atomic.Bool // the dependency
	mute   atomic.Bool // dlq.failed
	drain  time.Duration
	seen   map[State]int
	full   int
	faults []string
}

// Sizes of the hour. A record weighs its key and a value of valueBytes.
const (
	hourPartitions = 3
	hourRecords    = 1200 // of each partition
	hourWindow     = 24
	hourBytes      = 20 << 10
	valueBytes     = 1 << 10
)

func (h *hourOf) upTo(d time.Duration) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Duration(h.random.Int64N(int64(d)))
}

// plan draws what a record's attempts do: most succeed at once, some take long,
// some are deaf beyond their deadline, some fail.
func (h *hourOf) plan() []act {
	switch h.random.IntN(40) {
	case 0:
		return []act{{takes: 1900 * time.Millisecond, deaf: true}, {takes: 1500 * time.Millisecond, deaf: true}}
	case 1:
		return []act{{err: errors.New("try again")}, {takes: 20 * time.Millisecond, err: errors.New("try again")}}
	case 2:
		return []act{{err: failure.As(failure.Permanent, "NO", errors.New("no"))}}
	default:
		return []act{{takes: time.Duration(h.random.IntN(30)) * time.Millisecond}}
	}
}

func newHour(seed uint64) *hourOf {
	h := &hourOf{random: rand.New(rand.NewPCG(seed, 1)), seen: make(map[State]int)}
	for range hourPartitions {
		w := newWorld()
		w.limit = 8
		for offset := range int64(hourRecords) {
			w.offsets = append(w.offsets, offset)
			w.keys[offset], w.plans[offset] = fmt.Sprint("k", h.random.IntN(40)), h.plan()
		}
		h.worlds = append(h.worlds, w)
	}
	return h
}

// Handle hands a record to the world of its claim. A claim's number is in the
// records, as its handler is not told which claim calls.
func (h *hourOf) Handle(ctx context.Context, r *record.Record) error {
	if h.away.Load() {
		return failure.As(failure.Outage, "AWAY", errors.New("away"))
	}
	var claim int
	_, _ = fmt.Sscan(string(r.Headers[0].Value), &claim)
	return h.worlds[r.Partition].handler(claim)(ctx, r)
}

// Write is the dead letter.
func (h *hourOf) Write(ctx context.Context, l deadletter.Letter) error {
	if h.mute.Load() {
		return errors.New("dlq.failed is away")
	}
	return h.worlds[l.Record.Partition].Write(ctx, l)
}

// partition lives through claims of one partition, until its log is committed.
func (h *hourOf) partition(t *testing.T, p int32) {
	w := h.worlds[p]
	for !w.done() {
		claim := int(h.claims.Add(1))
		w.mu.Lock()
		w.running[claim], w.last[claim] = make(map[string]int64), make(map[string]int64)
		from := w.marked
		w.mu.Unlock()
		src := newFakeSource(0)
		src.onMark = w.mark
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.group.serve(t.Context(), Claim{Topic: "t", Partition: p, Generation: int32(claim), Start: from}, src)
		}()
		go h.deliver(w, p, claim, from, src)
		for until := time.Now().Add(h.upTo(10 * time.Minute)); time.Now().Before(until) && !w.done(); {
			elapse(time.Second)
		}
		revoked := time.Now()
		close(src.revoked)
		<-ended
		if took := time.Since(revoked); took > 4*h.drain {
			w.mu.Lock()
			w.fault("partition %d: a revoked claim ended after %s", p, took)
			w.mu.Unlock()
		}
	}
}

// deliver sends the log in bursts, about an hour of them.
func (h *hourOf) deliver(w *world, p int32, claim int, from int64, src *fakeSource) {
	for offset := from; offset < hourRecords; offset++ {
		m := message(offset, w.keys[offset])
		m.Partition, m.Value = p, make([]byte, valueBytes)
		m.Headers = []*sarama.RecordHeader{{Key: []byte("claim"), Value: fmt.Append(nil, claim)}}
		select {
		case src.messages <- m:
		case <-src.revoked:
			return
		}
		if offset%100 == 99 {
			select {
			case <-time.After(h.upTo(9 * time.Minute)):
			case <-src.revoked:
				return
			}
		}
	}
}

// weather makes the dependency and dlq.failed go away and come back.
func (h *hourOf) weather(over <-chan struct{}, what *atomic.Bool, every, lasting time.Duration) {
	for {
		for _, d := range []time.Duration{h.upTo(every), h.upTo(lasting)} {
			select {
			case <-time.After(d):
				what.Store(!what.Load())
			case <-over:
				what.Store(false)
				return
			}
		}
	}
}

// check looks at every claim, as a person would through the RPC.
func (h *hourOf) check() {
	for _, c := range h.group.Claims() {
		h.seen[c.State]++
		if c.Full {
			h.full++
		}
		if c.InFlightRecords > hourWindow || c.InFlightBytes >= hourBytes+2*valueBytes {
			h.faults = append(h.faults, fmt.Sprintf("%d records and %d bytes in flight", c.InFlightRecords, c.InFlightBytes))
		}
	}
}

// An hour of outages, runaways, full windows, dead letters that cannot be
// written and rebalances: at each moment the windows are within their bounds, a
// revoked claim ends in time, the order of each key holds, commits are
// contiguous; in the end everything is settled.
func TestAnHourOfTrouble(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			h := newHour(seed)
			h.drain = 400 * time.Millisecond
			g, err := NewGroup(Config{
				Group: "g", Topics: []string{"t"}, Concurrency: 8, MaxInFlightRecords: hourWindow, MaxInFlightBytes: hourBytes,
				Deadline: time.Second, RunawayWait: time.Second, DrainTimeout: h.drain, Retry: Retry{Tries: 3},
			}, broker.Config{Brokers: []string{"127.0.0.1:1"}}, h, h, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			h.group = g
			h.run(t)
			for i, w := range h.worlds {
				for _, fault := range append(w.faults, h.faults...) {
					t.Fatalf("seed %d, partition %d: %s", seed, i, fault)
				}
				for _, offset := range w.offsets {
					if !w.settled[offset] {
						t.Fatalf("seed %d, partition %d: %d is lost", seed, i, offset)
					}
				}
			}
			for _, state := range []State{StateRunning, StateRetrying, StateOutage, StateDeadLetterHeld} {
				if h.seen[state] == 0 {
					t.Errorf("seed %d: no claim was ever %s", seed, state)
				}
			}
			if h.full == 0 {
				t.Errorf("seed %d: no window was ever full", seed)
			}
		})
	}
}

// run is the hour, and what is left of it after.
func (h *hourOf) run(t *testing.T) {
	began, over := time.Now(), make(chan struct{})
	var weather, partitions sync.WaitGroup
	weather.Go(func() { h.weather(over, &h.away, 5*time.Minute, 2*time.Minute) })
	weather.Go(func() { h.weather(over, &h.mute, 3*time.Minute, time.Minute) })
	for p := range int32(hourPartitions) {
		partitions.Go(func() { h.partition(t, p) })
	}
	for time.Since(began) < time.Hour {
		elapse(50 * time.Millisecond)
		synctest.Wait()
		h.check()
	}
	close(over)
	weather.Wait()
	partitions.Wait()
	elapse(time.Minute) // what was left running ends
}
