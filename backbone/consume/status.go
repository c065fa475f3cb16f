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
}

// noteEvery is how often a lasting trouble is logged again.
const noteEvery = 10 * time.Second

// status is a claim's state: how many of its records are in which trouble.
// Safe for concurrent use.
type status struct {
	mu        sync.Mutex
	waiting   map[State]int
	state     State // the gravest
	since     time.Time
	logged    time.Time
	err       error
	commitErr error
}

// trouble is what one record or batch is in; zero is none. It belongs to the
// goroutine that works on it.
type trouble struct{ state State }

// move takes a record from one trouble into another ("" is none). It answers
// the claim's state, and whether to log it: when it changed, and once per
// noteEvery while it lasts.
func (s *status) move(t *trouble, to State, err error) (State, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = make(map[State]int)
	}
	if t.state != "" {
		s.waiting[t.state]--
	}
	if t.state = to; to != "" {
		s.waiting[to]++
	}
	at, was := now(), s.state
	if s.state = s.gravest(); s.state != was && (was != "" || s.state != StateRunning) {
		s.since, s.logged = at, at
	} else if to == "" || at.Sub(s.logged) < noteEvery {
		return s.state, false
	}
	s.logged, s.err = at, err
	return s.state, true
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
	if state, log := c.status.move(t, to, err); log {
		args = append([]any{"state", string(state), "err", err, "class", failure.ClassOf(err).String()}, args...)
		c.log.WarnContext(ctx, "claim waits", args...)
	}
}

// clear ends a trouble, if there was one.
func (c *claim) clear(ctx context.Context, t *trouble) {
	if t.state == "" {
		return
	}
	if state, log := c.status.move(t, "", nil); log && state == StateRunning {
		c.log.InfoContext(ctx, "claim runs again")
	}
}
