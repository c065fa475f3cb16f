// Package burst is a load generator that can be trusted: it casts a burst of
// votes, knows of each whether it was accepted, refused or left without an
// answer, and afterwards compares that with what the service has recorded, by
// distinct vote ids.
//
// Run is the whole; Fire is the load alone, against any server that answers
// votes, which is what a benchmark needs.
package burst

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
	"floodgate.internal/cmd/floodgate/burst/internal/plan"
	"floodgate.internal/cmd/floodgate/burst/internal/wire"
)

// service is what a burst asks of the other side.
type service interface {
	CreatePoll(ctx context.Context, p audit.Poll, title string) (audit.Poll, error)
	Poll(ctx context.Context, id string) (audit.Poll, error)
	Tally(ctx context.Context, pollID string) (audit.Tally, error)
	Decided(ctx context.Context, pollID string, v wire.Vote) (bool, error)
	Receipts(ctx context.Context, pollID string, add func(audit.Receipt)) error
	Close()
}

// caster sends votes one at a time.
type caster interface {
	Cast(ctx context.Context, v *wire.Vote) wire.Answer
	Close()
}

// Run opens a poll, casts the votes, awaits that all accepted ones are decided
// and compares burst and record. progress, which may be nil, is called a few
// times a second from one goroutine.
//
// An error means that no verdict was reached; the report then holds what was
// measured so far. A verdict, good or bad, is no error: see Report.Equal.
func Run(ctx context.Context, cfg Config, progress func(Progress)) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	svc, cast, err := open(cfg)
	if err != nil {
		return Report{}, err
	}
	defer svc.Close()
	cfg = cfg.named()
	poll, err := prepare(ctx, cfg, svc)
	if err != nil {
		return Report{}, err
	}
	l := newLoad(cfg, poll, cast, newMeter(cfg.Votes, progress))
	report := l.fire(ctx)
	if err := context.Cause(ctx); err != nil {
		return report, fmt.Errorf("burst cut short: %w", err)
	}
	err = l.reconcile(ctx, svc, &report)
	return report, err
}

// Fire casts the votes of a burst and nothing else: no poll is opened and no
// receipt is read, so the target needs to know CastVote alone. PollID may be
// any; candidates are candidate-1 to candidate-<Candidates>.
func Fire(ctx context.Context, cfg Config, progress func(Progress)) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	svc, cast, err := open(cfg)
	if err != nil {
		return Report{}, err
	}
	defer svc.Close()
	cfg = cfg.named()
	report := newLoad(cfg, newPoll(cfg), cast, newMeter(cfg.Votes, progress)).fire(ctx)
	return report, context.Cause(ctx)
}

// open makes the side of the chosen protocol. Its casters are made by a
// function, because each protocol has its own type of them.
func open(cfg Config) (service, func() caster, error) {
	if cfg.Protocol == GRPC {
		g, err := wire.NewGRPC(cfg.Target, cfg.Connections, cfg.RequestTimeout, cfg.Bare)
		if err != nil {
			return nil, nil, err
		}
		return g, func() caster { return g.Caster() }, nil
	}
	r, err := wire.NewREST(cfg.Target, cfg.RequestTimeout, cfg.Bare)
	if err != nil {
		return nil, nil, err
	}
	return r, func() caster { return r.Caster() }, nil
}

// named fills in what is made anew for each burst. Reading random bytes never
// fails.
func (c Config) named() Config {
	var random [8]byte
	if c.Seed == 0 {
		rand.Read(random[:])
		c.Seed = binary.BigEndian.Uint64(random[:])
	}
	if c.PollID == "" {
		rand.Read(random[:])
		c.PollID = fmt.Sprintf("burst-%x", random[:4])
	}
	return c
}

// newPoll describes the poll that the burst opens.
func newPoll(cfg Config) audit.Poll {
	p := audit.Poll{ID: cfg.PollID, VotesPerVoter: cfg.VotesPerVoter}
	for i := range cfg.Candidates {
		p.Candidates = append(p.Candidates, fmt.Sprintf("candidate-%d", i+1))
	}
	return p
}

// prepare opens the poll, or reads the one that is to be used.
func prepare(ctx context.Context, cfg Config, svc service) (audit.Poll, error) {
	if !cfg.SkipPoll {
		return svc.CreatePoll(ctx, newPoll(cfg), fmt.Sprintf("A burst of %d votes", cfg.Votes))
	}
	poll, err := svc.Poll(ctx, cfg.PollID)
	if err != nil {
		return poll, err
	}
	if len(poll.Candidates) == 0 || poll.VotesPerVoter < 1 {
		return poll, fmt.Errorf("poll %s has %d candidates and %d votes per voter", cfg.PollID, len(poll.Candidates), poll.VotesPerVoter)
	}
	poll.Shared = true
	return poll, nil
}

// planOf makes the plan of the burst's votes in a poll.
func planOf(cfg Config, poll audit.Poll) *plan.Plan {
	return plan.New(plan.Settings{
		Seed: cfg.Seed, Votes: cfg.Votes, Candidates: poll.Candidates,
		RepeatVoters: cfg.RepeatVoters, Resends: cfg.Resends,
	})
}

// wait sleeps until d has passed; false where ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
