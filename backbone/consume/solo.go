package consume

import (
	"context"
	"sync/atomic"

	"floodgate.internal/backbone/record"
)

// solo is a first attempt at a single record. Nobody waits for it: it runs on
// the goroutine of the worker that took its lane, and where it ends in time that
// worker goes on. Handing each to another goroutine, with a timer and a channel,
// is a third of what a lean record costs. Should it not end, the crew overtakes
// it: then the lane is another goroutine's, and the late one only tells that it
// has ended.
type solo struct {
	flight
	term    term
	carried carried
	lane    *lane
	ended   atomic.Bool // by whichever was first: its end, or who overtook it
	done    chan error  // made by who overtook it, takes its late end
}

// tryAlone hands a lane's first record to the handler on this goroutine; not own
// when the attempt was overtaken meanwhile.
func (c *claim) tryAlone(ctx context.Context, w *worker, l *lane, r *record.Record) (out outcome, own bool) {
	s := &solo{
		flight:  flight{step: StepHandle, offset: r.Offset, records: 1, key: r.Key, since: now()},
		carried: carried{Context: ctx, tracing: &c.tracing, record: r}, lane: l,
	}
	s.term.values, s.term.until = &s.carried, s.since.Add(c.cfg.Deadline) //nolint:fatcontext // of this attempt alone
	s.Context, s.solo = &s.term, s
	w.show(&s.flight)
	err := protect(&s.flight, c.handling(r)) //nolint:contextcheck // the flight is the attempt's context
	w.at.Store(nil)
	s.term.cut()
	if !s.ended.CompareAndSwap(false, true) {
		s.done <- err
		return outcome{}, false
	}
	return outcome{err: err}, true
}

// overtake makes the attempt somebody else's; false where it has ended, or was
// overtaken before. Of those who overtake only one may call at a time.
func (s *solo) overtake() bool {
	if s.ended.Load() {
		return false
	}
	s.done = make(chan error, 1)
	return s.ended.CompareAndSwap(false, true)
}
