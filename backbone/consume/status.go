package consume

import (
	"context"
	"sync"
	"time"
)

// State is what a claim is doing, for an operator.
type State string

// The states of a claim.
const (
	// StateRunning: records are handled as they come, or there are none.
	StateRunning State = "RUNNING"
	// StateStarting: StartClaim answered an error and is asked again.
	StateStarting State = "STARTING"
	// StateRetrying: a record or batch is tried again within its budget.
	StateRetrying State = "RETRYING"
	// StateOutage: a dependency is away; the partition waits for it.
	StateOutage State = "OUTAGE"
	// StateDeadLetterHeld: a dead letter cannot be written; the partition waits.
	StateDeadLetterHeld State = "DEAD_LETTER_HELD"
)

// ClaimState is what a claim is doing now.
type ClaimState struct {
	Claim Claim
	State State
	// Since is when it came into this state.
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

// status is a claim's state. Safe for concurrent use.
type status struct {
	mu        sync.Mutex
	state     State
	since     time.Time
	logged    time.Time
	err       error
	commitErr error
}

// ok puts the claim back into running; it answers the state it was in.
func (s *status) ok() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.state
	if was != StateRunning {
		s.state, s.since, s.err = StateRunning, now(), nil
	}
	return was
}

// trouble sets a state other than running, and says whether to log it: when it
// is new, and then once per noteEvery.
func (s *status) trouble(state State, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := now()
	fresh := s.state != state
	if fresh {
		s.state, s.since = state, at
	}
	s.err = err
	if fresh || at.Sub(s.logged) >= noteEvery {
		s.logged = at
		return true
	}
	return false
}

func (s *status) commit(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commitErr = err
}

func (s *status) snapshot(c Claim, next int64) ClaimState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state
	if state == "" {
		state = StateRunning
	}
	return ClaimState{Claim: c, State: state, Since: s.since, Err: s.err, CommitErr: s.commitErr, Next: next}
}

// note makes a trouble visible, in the state and in the log.
func (c *claim) note(ctx context.Context, state State, err error, args ...any) {
	if c.status.trouble(state, err) {
		c.log.WarnContext(ctx, "claim waits", append([]any{"state", string(state), "err", err}, args...)...)
	}
}

// recovered ends a trouble.
func (c *claim) recovered(ctx context.Context) {
	if was := c.status.ok(); was != StateRunning && was != "" {
		c.log.InfoContext(ctx, "claim runs again", "was", string(was))
	}
}
