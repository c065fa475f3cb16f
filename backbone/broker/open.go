package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"
)

const (
	// firstPause and lastPause bound the wait between two attempts to start.
	firstPause = 250 * time.Millisecond
	lastPause  = 5 * time.Second
	// firstReport and lastReport bound the wait between two log lines about it.
	firstReport = 2 * time.Second
	lastReport  = time.Minute
)

// Open answers a client once the cluster answers and every address that it
// advertises can be reached from here.
//
// A cluster that is away is waited for until ctx ends: one warning when the
// wait begins, then at intervals growing from 2 s to 1 min. An advertised
// address that cannot be reached is no reason to wait: Open answers an
// UnreachableError (see there for how many attempts it takes). Other faults of
// cfg are answered at once.
//
// The caller closes the client, after everything that uses it. A connection
// serves one request at a time: a producer behind a consumer's long poll waits
// for it, so publisher and consumer open a client each.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (sarama.Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	// Each round asks the bootstrap addresses first, then every broker at the
	// address it advertises, and only then opens the client that everybody uses:
	// sarama by itself would report a misadvertised broker as time-outs, later.
	p := &probe{cfg: cfg, strikes: make(map[string]strike)}
	w := waiting{log: log, brokers: cfg.Brokers, report: firstReport}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		client, err := p.open(ctx)
		if err == nil {
			w.over()
			return client, nil
		}
		if unreachable, ok := errors.AsType[*UnreachableError](err); ok {
			if p.certain(unreachable) {
				return nil, err
			}
			pause = firstPause // Attempts to tell a restart from a setting follow fast.
		}
		w.goesOn(ctx, err)
		if !sleep(ctx, pause) {
			return nil, fmt.Errorf("waiting for kafka at %v: %w (last: %w)", cfg.Brokers, context.Cause(ctx), err)
		}
	}
}

// waiting writes the log lines of a start that waits: few enough to read, and
// often enough that a look at the log tells what is missing.
type waiting struct {
	log     *slog.Logger
	brokers []string
	since   time.Time
	next    time.Time
	report  time.Duration
}

// goesOn tells of one more attempt that did not succeed, if it is time to.
func (w *waiting) goesOn(ctx context.Context, err error) {
	now := time.Now()
	switch {
	case ctx.Err() != nil:
		return // Whoever asked to start no longer waits; the error says it.
	case w.since.IsZero():
		w.since = now
		w.log.Warn("kafka cannot be reached, waiting for it", "brokers", w.brokers, "error", err)
	case now.Before(w.next):
		return
	default:
		w.log.Warn("kafka still cannot be reached", "brokers", w.brokers, "waited", now.Sub(w.since).Round(time.Second), "error", err)
		w.report = min(2*w.report, lastReport)
	}
	w.next = now.Add(w.report)
}

// over says that the wait has ended, to whoever read that it began.
func (w *waiting) over() {
	if !w.since.IsZero() {
		w.log.Info("kafka answers", "brokers", w.brokers, "waited", time.Since(w.since).Round(time.Millisecond))
	}
}

// sleep answers false where ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
