package consuming

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/usage"
)

// StuckName is the name of the child whose handler's dependency hangs.
const StuckName = "stuck"

// stuckDeadline is how long each attempt hangs: retries go on all the time.
const stuckDeadline = time.Second

// hanging says what hangs and for how long.
type hanging struct {
	Reading reading
	// Settle is how long windows may fill, Watch how long memory is watched
	// after that.
	Settle, Watch time.Duration
}

// held is the live heap when the windows were full and after the watch.
type held struct{ SettledBytes, EndBytes, PeakBytes int64 }

// Stuck is a child whose handler never gets an answer.
func Stuck(ctx context.Context, settings json.RawMessage, ready func(any)) error {
	var h hanging
	if err := json.Unmarshal(settings, &h); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		var was held
		if !pause(ctx, h.Settle) {
			return
		}
		was.SettledBytes = heap()
		if !pause(ctx, h.Watch) {
			return
		}
		was.EndBytes, was.PeakBytes = heap(), usage.Self().PeakBytes
		ready(was)
	}()
	return h.Reading.run(ctx, neverAnswered{}, consume.Config{Deadline: stuckDeadline, DrainTimeout: stuckDeadline})
}

// heap is what is reachable.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // far below
}

// pause answers false where ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

var errNoAnswer = errors.New("the dependency does not answer")

// neverAnswered waits for its dependency as long as it may.
type neverAnswered struct{}

// Handle hangs until the attempt's deadline.
func (neverAnswered) Handle(ctx context.Context, _ *record.Record) error {
	<-ctx.Done()
	return failure.As(failure.Outage, "AWAY", errNoAnswer)
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
	h := hanging{Reading: reading{Topic: topic}, Settle: 10 * time.Second, Watch: 20 * time.Second}
	if env.Smoke {
		h.Settle, h.Watch = time.Second, time.Second
	}
	run := func(ctx context.Context) (rounds.Sample, error) {
		h.Reading.Brokers, h.Reading.Group, h.Reading.Collector = s.tank.kafka.Brokers, s.tank.group(), s.collector.URL()
		var was held
		if err := env.Children.Run(ctx, StuckName, h, &was); err != nil {
			return rounds.Sample{}, err
		}
		return rounds.Sample{
			Value: float64(was.EndBytes) / float64(was.SettledBytes), PeakBytes: was.PeakBytes,
			Detail: fmt.Sprintf("live heap %.1f MiB with full windows, %.1f MiB %s later", mib(was.SettledBytes), mib(was.EndBytes), h.Watch),
		}, nil
	}
	return &rounds.Match{
		Sides: []rounds.Side{{Name: "stuck", Run: run}},
		Lines: []rounds.Line{
			{
				Name: "memory behind a stuck dependency, growth", Unit: "x", Ours: "stuck",
				Target: rounds.Target{AtMost: 1.1, Absolute: true}, Note: "1,000,000 records of lag, 12 partitions",
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
