package consume

import (
	"context"
	"sync"
	"time"

	"floodgate.internal/backbone/failure"
)

// State is what a claim is doing, for an operator.
type State string

// The states of a claim, the gravest of its records' counting.
const (
	// StateRunning: records are handled as they come, or there are none.
	StateRunning State = "RUNNING"
	// StateRetrying: a record or batch is tried again within its budget.
	StateRetrying State = "RETRYING"
	// StateStarting: StartClaim answered an error and is asked again.
	StateStarting State = "STARTING"
	// StateOutage: a dependency is away, and records wait for it.
	StateOutage State = "OUTAGE"
	// StateDeadLetterHeld: a dead letter cannot be written, and its record's
	// offset cannot pass.
	StateDeadLetterHeld State = "DEAD_LETTER_HELD"
)

// ClaimState is what a claim is doing now.
type ClaimState struct {
	Claim Claim
	State State
	// Since is when it came into this state; zero where it never left running.
	Since time.Time
	// Err is why it is not running; nil where it is.
	Err error
	// CommitErr is why its commits are held; nil where they are not.
	CommitErr error
	// Next is the frontier: every delivered record below it is done.
	Next int64
	// InFlightRecords and InFlightBytes are what a Handler's claim has read and
	// not finished; 0 for a BatchHandler's, which has two batches at most. Full
	// says that the window is, and that the partition is not read meanwhile.
	InFlightRecords int
	InFlightBytes   int64
	Full            bool
}

// noteEvery is how often a lasting trouble is logged again, and how often
// retries are at all: single ones are a matter of course.
const noteEvery = 10 * time.Second

// status is a claim's state: how many of its records are in which trouble.
// Safe for concurrent use.
type status struct {
	mu        sync.Mutex
	waiting   map[State]int
	state     State // the gravest
	since     time.Time
	err       error
	commitErr error
}

// trouble is what one record or batch is in; zero is none. It belongs to the
// goroutine that works on it.
type trouble struct{ state State }

// move takes a record from one trouble into another ("" is none). It answers
// the claim's state and whether it changed by that.
func (s *status) move(t *trouble, to State, err error) (at State, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting, s.state = make(map[State]int), StateRunning
	}
	if t.state != "" {
		s.waiting[t.state]--
	}
	if t.state = to; to != "" {
		s.waiting[to]++
	}
	was := s.state
	if s.state = s.gravest(); s.state == StateRunning {
		s.err = nil
	} else if s.state == to {
		s.err = err
	}
	if s.state != was {
		s.since = now()
	}
	return s.state, s.state != was
}

func (s *status) gravest() State {
	for _, state := range []State{StateDeadLetterHeld, StateOutage, StateStarting, StateRetrying} {
		if s.waiting[state] > 0 {
			return state
		}
	}
	return StateRunning
}

func (s *status) commit(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commitErr = err
}

func (s *status) snapshot(c Claim, next int64) ClaimState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ClaimState{Claim: c, State: s.gravest(), Since: s.since, Err: s.err, CommitErr: s.commitErr, Next: next}
}

// note makes a trouble visible, in the state and in the log.
func (c *claim) note(ctx context.Context, t *trouble, to State, err error, args ...any) {
	state, changed := c.status.move(t, to, err)
	every := noteEvery
	if changed && state != StateRetrying {
		every = 0
	}
	if suppressed, ok := c.stateLog.pass(now(), every); ok {
		args = append([]any{"state", string(state), "err", err, "class", failure.ClassOf(err).String(), "reason", failure.ReasonOf(err), "suppressed", suppressed}, args...)
		c.log.WarnContext(ctx, "claim waits", args...)
	}
}

// clear ends a trouble, if there was one.
func (c *claim) clear(ctx context.Context, t *trouble) {
	if t.state == "" {
		return
	}
	was := t.state
	if state, changed := c.status.move(t, "", nil); changed && state == StateRunning && was != StateRetrying {
		c.log.InfoContext(ctx, "claim runs again", "was", string(was))
	}
}
