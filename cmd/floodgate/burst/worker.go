package burst

import (
	"context"
	"math/rand/v2"
	"time"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
	"floodgate.internal/cmd/floodgate/burst/internal/latency"
	"floodgate.internal/cmd/floodgate/burst/internal/wire"
)

const (
	// firstBackoff and maxBackoff bound the wait before a vote is sent again;
	// it doubles with each try, and half of it is random so that 256 workers
	// that lost one server do not come back as one.
	firstBackoff = 20 * time.Millisecond
	maxBackoff   = 2 * time.Second
)

// worker casts one vote at a time. Its numbers are its own until it has ended.
type worker struct {
	load   *load
	caster caster
	vote   wire.Vote
	times  *latency.Recorder
	causes causes

	requests, retries, resends, lostAnswers, misnamed int64
}

func newWorker(l *load) *worker {
	return &worker{load: l, caster: l.cast(), times: latency.NewRecorder(), causes: causes{}}
}

// run casts votes until none are left or ctx ends.
func (w *worker) run(ctx context.Context) {
	defer w.caster.Close()
	l := w.load
	for {
		i := int(l.next.Add(1) - 1)
		if i >= l.cfg.Votes || ctx.Err() != nil {
			return
		}
		began := time.Now()
		if due, scheduled := l.due(i); scheduled {
			if !wait(ctx, due.Sub(began)) {
				return
			}
			// A vote is late from the moment it should have left, whoever made
			// it wait: otherwise a stalled service hides its own stall.
			began = due
		}
		w.prepare(i)
		l.outcomes[i] = w.settle(ctx, began)
		l.meter.settled(l.outcomes[i])
		if l.outcomes[i] == audit.Accepted && l.plan.Resent(i) {
			w.resend(ctx)
		}
	}
}

// prepare makes vote i the one that is sent.
func (w *worker) prepare(i int) {
	p := w.load.plan
	w.vote.PollID, w.vote.CandidateID = w.load.poll.ID, p.CandidateID(i)
	w.vote.VoterID = p.AppendVoterID(w.vote.VoterID[:0], i)
	w.vote.VoteID = p.AppendVoteID(w.vote.VoteID[:0], i)
}

// settle sends the vote until it is accepted, refused or given up, and records
// the time since began. One try without an answer leaves the vote open for
// ever, unless a later one is accepted: nobody can tell whether the first was.
func (w *worker) settle(ctx context.Context, began time.Time) audit.Outcome {
	first := time.Now()
	lost := false
	for try := 0; ; try++ {
		// The same id each time: to the service a retry is the same vote.
		answer := w.send(ctx)
		again := false
		switch answer.Verdict {
		case wire.Accepted, wire.Misnamed:
			w.times.Record(time.Since(began))
			return audit.Accepted
		case wire.Indefinite:
			lost, again = true, true
		case wire.Throttled, wire.Unreached:
			// Not taken, for certain; whether an earlier try was is another
			// question.
			again = true
		case wire.Refused:
		}
		delay := backoff(try, answer.RetryAfter)
		if !again || time.Since(first)+delay > w.load.cfg.RetryFor || !wait(ctx, delay) {
			// Votes that were given up are the slowest of all; without them the
			// percentiles would improve with every failure.
			w.times.Record(time.Since(began))
			return givenUp(lost, answer.Verdict)
		}
		w.retries++
	}
}

// givenUp says what is known of a vote that was never accepted.
func givenUp(lost bool, last wire.Verdict) audit.Outcome {
	switch {
	case lost:
		return audit.Lost
	case last == wire.Unreached:
		return audit.Unsent
	}
	return audit.Refused
}

// send sends the vote once.
func (w *worker) send(ctx context.Context) wire.Answer {
	w.requests++
	answer := w.caster.Cast(ctx, &w.vote)
	switch answer.Verdict {
	case wire.Accepted:
		return answer
	case wire.Indefinite:
		w.lostAnswers++
	case wire.Misnamed:
		w.misnamed++
	default:
	}
	w.causes.add(answer)
	return answer
}

// resend sends an accepted vote once more under the same id. Whatever the
// answer, it must count once, so the outcome stands.
func (w *worker) resend(ctx context.Context) {
	w.resends++
	w.send(ctx)
}

// backoff is how long to wait before the next try: what the service asks for,
// and never less than the doubling wait.
func backoff(try int, asked time.Duration) time.Duration {
	d := maxBackoff
	if try < 8 {
		d = min(firstBackoff<<try, maxBackoff)
	}
	return max(d/2+rand.N(d/2), asked)
}
