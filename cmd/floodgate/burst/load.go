package burst

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
	"floodgate.internal/cmd/floodgate/burst/internal/latency"
	"floodgate.internal/cmd/floodgate/burst/internal/plan"
)

// load is the burst while it is fired and what is known afterwards.
type load struct {
	cfg   Config
	poll  audit.Poll
	plan  *plan.Plan
	cast  func() caster
	meter *meter

	next  atomic.Int64
	start time.Time
	// outcomes has a byte per vote, written by the one worker that casts it.
	outcomes []audit.Outcome
	// misnamed is how many acknowledgements named another vote.
	misnamed int64
}

func newLoad(cfg Config, poll audit.Poll, cast func() caster, m *meter) *load {
	return &load{
		cfg: cfg, poll: poll, plan: planOf(cfg, poll), cast: cast, meter: m,
		outcomes: make([]audit.Outcome, cfg.Votes),
	}
}

// fire casts all votes and reports on them. It returns when the last answer is
// there, or soon after ctx ended.
func (l *load) fire(ctx context.Context) Report {
	stop := l.meter.run(PhaseVoting)
	workers := make([]*worker, min(l.cfg.Concurrency, l.cfg.Votes))
	l.start = time.Now()
	var group sync.WaitGroup
	for i := range workers {
		w := newWorker(l)
		workers[i] = w
		group.Go(func() { w.run(ctx) })
	}
	group.Wait()
	elapsed := time.Since(l.start)
	stop()
	return l.report(workers, elapsed)
}

// due is when vote i is to be sent; false in closed loop, where it is sent as
// soon as a worker is free.
func (l *load) due(i int) (time.Time, bool) {
	if l.cfg.Rate <= 0 {
		return time.Time{}, false
	}
	return l.start.Add(time.Duration(float64(i) / l.cfg.Rate * float64(time.Second))), true
}

// report merges what the workers have.
func (l *load) report(workers []*worker, elapsed time.Duration) Report {
	r := Report{
		Target: l.cfg.Target, Protocol: l.cfg.Protocol, PollID: l.poll.ID, Seed: l.cfg.Seed,
		Concurrency: len(workers), TargetRate: l.cfg.Rate, Votes: int64(l.cfg.Votes), Duration: elapsed,
	}
	// The workers have ended: their numbers are nobody else's any more.
	times := latency.NewRecorder()
	causes := causes{}
	for _, w := range workers {
		times.Merge(w.times)
		causes.merge(w.causes)
		r.Requests += w.requests
		r.Retries += w.retries
		r.Resends += w.resends
		r.LostAnswers += w.lostAnswers
		l.misnamed += w.misnamed
	}
	for _, o := range l.outcomes {
		switch o {
		case audit.Accepted:
			r.Accepted++
		case audit.Lost:
			r.Open++
		case audit.Refused:
			r.Refused++
		case audit.Unsent:
			r.Unsent++
		}
	}
	r.Rate = float64(r.Accepted) / elapsed.Seconds()
	r.Causes = causes.list()
	r.Latency = times.Percentiles()
	if l.cfg.Rate <= 0 {
		// A closed loop has no schedule that a slow answer could delay; the pace
		// that the workers kept on the whole stands for it.
		r.ExpectedInterval = elapsed * time.Duration(len(workers)) / time.Duration(max(times.Percentiles().Count, 1))
		r.Corrected = times.Corrected(r.ExpectedInterval).Percentiles()
	} else {
		r.Corrected = r.Latency
	}
	return r
}
