package consuming

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/usage"
)

// StuckName is the name of the child whose handler's dependency hangs.
const StuckName = "stuck"

const (
	// stuckDeadline is an attempt's, and callTimeout that of the call in it: as
	// short as that, so that retries go on all the time, and well before the
	// deadline, so that no attempt becomes a runaway, of whose stack a dump is
	// taken.
	stuckDeadline = 5 * time.Second
	callTimeout   = time.Second
	// restAfter is how long no record has come for the first time where all that
	// the windows hold are waiting for their next try. Before, each second brings
	// goroutines and timers for some hundred more.
	restAfter = 5 * callTimeout
	// looks are the samples of the live heap at either end of the watch, a second
	// apart. Their least counts: what a moment adds is no growth.
	looks = 5
)

// hanging says what hangs and for how long memory is watched once the windows
// are full and at rest.
type hanging struct {
	Reading reading
	Watch   time.Duration
}

// held is the live heap at rest and after the watch.
type held struct {
	Records                        int
	RestBytes, EndBytes, PeakBytes int64
}

// Stuck is a child whose handler never gets an answer.
func Stuck(ctx context.Context, settings json.RawMessage, ready func(any)) error {
	var h hanging
	if err := json.Unmarshal(settings, &h); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	handler := &neverAnswered{seen: make(map[place]struct{})}
	go func() {
		defer cancel()
		if was, err := watch(ctx, handler, h.Watch); err == nil {
			ready(was)
		}
	}()
	return h.Reading.run(ctx, handler, consume.Config{Deadline: stuckDeadline, DrainTimeout: callTimeout})
}

// watch waits for the rest and looks at the heap at both ends of d.
func watch(ctx context.Context, handler *neverAnswered, d time.Duration) (was held, err error) {
	for !handler.atRest() {
		if err := pause(ctx, callTimeout/10); err != nil {
			return was, err
		}
	}
	if was.RestBytes, err = least(ctx); err != nil {
		return was, err
	}
	if err := pause(ctx, d); err != nil {
		return was, err
	}
	was.EndBytes, err = least(ctx)
	was.Records, was.PeakBytes = handler.records(), usage.Self().PeakBytes
	return was, err
}

// least answers the least of the live heaps of some seconds.
func least(ctx context.Context) (bytes int64, err error) {
	for look := range looks {
		if live := liveHeap(); look == 0 || live < bytes {
			bytes = live
		}
		if err := pause(ctx, time.Second); err != nil {
			return 0, err
		}
	}
	return bytes, nil
}

// liveHeap is what a collection has found reachable. What was allocated since is
// not in it, as it would be in HeapAlloc.
func liveHeap() int64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64()) //nolint:gosec // far below
}

// pause answers the error of ctx where that ended first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errNoAnswer = errors.New("the dependency does not answer")

// place names a record.
type place struct {
	partition int32
	offset    int64
}

// neverAnswered waits for its dependency as long as it may. Safe for concurrent
// use.
type neverAnswered struct {
	mu   sync.Mutex
	seen map[place]struct{}
	last time.Time // when a record came for the first time
}

// Handle waits for the call's time.
func (n *neverAnswered) Handle(ctx context.Context, r *record.Record) error {
	n.meet(place{r.Partition, r.Offset})
	select {
	case <-time.After(callTimeout):
	case <-ctx.Done():
	}
	return failure.As(failure.Outage, "AWAY", errNoAnswer)
}

func (n *neverAnswered) meet(p place) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, again := n.seen[p]; !again {
		n.seen[p], n.last = struct{}{}, time.Now()
	}
}

// atRest answers whether all that was read has been tried.
func (n *neverAnswered) atRest() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.seen) > 0 && time.Since(n.last) > restAfter
}

func (n *neverAnswered) records() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.seen)
}

// Backlog watches the memory of a consumer that is a million records behind a
// dependency that hangs: its windows are full, and nothing else may grow.
func Backlog() rounds.Contest { return rounds.Contest{Name: "backlog", Open: openBacklog} }

func openBacklog(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	s, err := newStand(ctx, env)
	if err != nil {
		return nil, err
	}
	topic, err := s.tank.fill(ctx, overheadPartitions, uniformKeys(env.Size(1_000_000, 2_000)))
	if err != nil {
		return nil, err
	}
	h := hanging{Reading: reading{Topic: topic}, Watch: 20 * time.Second}
	if env.Smoke {
		h.Watch = time.Second
	}
	run := func(ctx context.Context) (rounds.Sample, error) {
		h.Reading.Brokers, h.Reading.Group, h.Reading.Collector = s.tank.kafka.Brokers, s.tank.group(), s.collector.URL()
		var was held
		if err := env.Children.Run(ctx, StuckName, h, &was); err != nil {
			return rounds.Sample{}, err
		}
		return rounds.Sample{
			Value: float64(was.EndBytes) / float64(was.RestBytes), PeakBytes: was.PeakBytes,
			Detail: fmt.Sprintf("%d records in the windows, live heap %.2f MiB, %.2f MiB after %s of retries",
				was.Records, mib(was.RestBytes), mib(was.EndBytes), h.Watch),
		}, nil
	}
	return &rounds.Match{
		Sides: []rounds.Side{{Name: "stuck", Run: run}},
		Lines: []rounds.Line{
			{
				Name: "memory behind a stuck dependency, growth", Unit: "x", Ours: "stuck",
				// Two samples at rest differ by less than a hundredth.
				Target: rounds.Target{AtMost: 1.02, Absolute: true}, Note: "1,000,000 records of lag, 12 partitions",
			},
			{
				Name: "memory behind a stuck dependency, peak", Unit: "MiB", Ours: "stuck",
				Value: func(s rounds.Sample) float64 { return mib(s.PeakBytes) }, Note: "largest resident set",
			},
		},
		Close: s.close,
	}, nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
