// Package castvote measures CastVote over gRPC and POST /api/v1/votes against
// bare servers that answer the same.
package castvote

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"floodgate.internal/cmd/floodgate/burst"
	"floodgate.internal/services/vote"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/collector"
	"floodgate.internal/tests/bench/internal/echo"
	"floodgate.internal/tests/bench/internal/load"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/stack"
)

const (
	// poll is the poll of every vote here.
	poll = "bench"
	// slices are the measurements of a round: about a second each.
	slices = 8
)

// arena holds the sides of a contest. All their processes live until its end
// and take turns; who has no turn is idle.
type arena struct {
	env       rounds.Env
	collector *collector.Collector
	running   []*child.Process
}

// newArena starts a collector for the sampled spans: tracing is on.
func newArena(ctx context.Context, env rounds.Env) (*arena, error) {
	c, err := collector.Start(ctx)
	if err != nil {
		return nil, err
	}
	return &arena{env: env, collector: c}, nil
}

func (a *arena) close() error {
	var err error
	for _, p := range a.running {
		err = errors.Join(err, p.Stop())
	}
	a.collector.Stop()
	return errors.Join(err, os.RemoveAll(a.env.Dir))
}

// start starts a child of this contest in a directory of its own.
func (a *arena) start(ctx context.Context, name string, settings func(dir string) any, info any) (*child.Process, error) {
	dir := filepath.Join(a.env.Dir, strconv.Itoa(len(a.running)))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	p, err := a.env.Children.Start(ctx, name, settings(dir), info)
	if err == nil {
		a.running = append(a.running, p)
	}
	return p, err
}

// shape is the load of every side: only address and callers differ.
func (a *arena) shape(protocol burst.Protocol, callers int) load.Shape {
	return load.Shape{
		Protocol: protocol, PollID: poll, Votes: a.env.Size(25_000, 500), Callers: a.env.Size(callers, 16),
	}
}

// bare answers an echo as a side.
func (a *arena) bare(ctx context.Context, side, name string, s load.Shape) (rounds.Side, error) {
	var at echo.Address
	p, err := a.start(ctx, name, func(dir string) any {
		return echo.ProduceSettings{Servers: a.env.Servers, DataDir: dir}
	}, &at)
	s.Target = at.Addr
	return a.side(side, p, s), err
}

// service answers the vote service with some roles as a side.
func (a *arena) service(ctx context.Context, side string, s load.Shape, roles ...vote.Role) (rounds.Side, error) {
	var at stack.Addresses
	p, err := a.start(ctx, stack.Name, func(dir string) any {
		return stack.Settings{
			Servers: a.env.Servers, DataDir: dir, Roles: roles, REST: s.Protocol == burst.REST, Collector: a.collector.URL(),
		}
	}, &at)
	if err == nil {
		err = load.OpenPoll(ctx, at.GRPC, s.PollID)
	}
	s.Target = at.GRPC
	if s.Protocol == burst.REST {
		s.Target = at.HTTP
	}
	if len(roles) == 0 {
		s.Drain = at.GRPC
	}
	return a.side(side, p, s), err
}

// side warms a child up at its first turn.
func (a *arena) side(name string, p *child.Process, s load.Shape) rounds.Side {
	warm := false
	return rounds.Side{Name: name, Run: func(ctx context.Context) (rounds.Sample, error) {
		if !warm {
			if _, err := load.Fire(ctx, p, s); err != nil {
				return rounds.Sample{}, err
			}
			warm = true
		}
		return load.Fire(ctx, p, s)
	}}
}
