// Package castvote measures CastVote over gRPC and POST /api/v1/votes against
// bare servers that answer the same.
package castvote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"floodgate.internal/cmd/floodgate/burst"
	"floodgate.internal/services/vote"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/echo"
	"floodgate.internal/tests/bench/internal/load"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/stack"
)

// poll is the poll of every vote here.
const poll = "bench"

// arena is what the sides of both contests share.
type arena struct {
	env       rounds.Env
	collector *collector
	runs      int
}

// newArena starts a collector for the sampled spans: tracing is on.
func newArena(ctx context.Context, env rounds.Env) (*arena, error) {
	c, err := startCollector(ctx)
	if err != nil {
		return nil, err
	}
	return &arena{env: env, collector: c}, nil
}

func (a *arena) close() error {
	a.collector.stop()
	return os.RemoveAll(a.env.Dir)
}

// dir answers an empty directory for one run.
func (a *arena) dir() (string, error) {
	a.runs++
	dir := filepath.Join(a.env.Dir, fmt.Sprint(a.runs))
	return dir, os.MkdirAll(dir, 0o700)
}

// shape is the load of every side: only address and callers differ.
func (a *arena) shape(protocol burst.Protocol, callers int) load.Shape {
	return load.Shape{
		Protocol: protocol, PollID: poll, Votes: a.env.Size(200_000, 2_000), Callers: a.env.Size(callers, 16),
	}
}

// bare measures an echo.
func (a *arena) bare(name string, settings any, s load.Shape) func(context.Context) (rounds.Sample, error) {
	return func(ctx context.Context) (rounds.Sample, error) {
		var at echo.Address
		p, err := a.env.Children.Start(ctx, name, settings, &at)
		if err != nil {
			return rounds.Sample{}, err
		}
		s.Target = at.Addr
		return finish(p, func() (rounds.Sample, error) { return load.Fire(ctx, p, s) })
	}
}

// produce measures the echo with a produce behind it.
func (a *arena) produce(s load.Shape) func(context.Context) (rounds.Sample, error) {
	return func(ctx context.Context) (rounds.Sample, error) {
		dir, err := a.dir()
		if err != nil {
			return rounds.Sample{}, err
		}
		return a.bare(echo.ProduceName, echo.ProduceSettings{Servers: a.env.Servers, DataDir: dir}, s)(ctx)
	}
}

// service measures the vote service with some roles.
func (a *arena) service(s load.Shape, roles ...vote.Role) func(context.Context) (rounds.Sample, error) {
	return func(ctx context.Context) (rounds.Sample, error) {
		dir, err := a.dir()
		if err != nil {
			return rounds.Sample{}, err
		}
		var at stack.Addresses
		p, err := a.env.Children.Start(ctx, stack.Name, stack.Settings{
			Servers: a.env.Servers, DataDir: dir, Roles: roles, REST: s.Protocol == burst.REST, Collector: a.collector.url(),
		}, &at)
		if err != nil {
			return rounds.Sample{}, err
		}
		s.Target = at.GRPC
		if s.Protocol == burst.REST {
			s.Target = at.HTTP
		}
		return finish(p, func() (rounds.Sample, error) {
			if err := load.OpenPoll(ctx, at.GRPC, s.PollID); err != nil {
				return rounds.Sample{}, err
			}
			return load.Fire(ctx, p, s)
		})
	}
}

// finish measures and stops the child.
func finish(p *child.Process, measure func() (rounds.Sample, error)) (rounds.Sample, error) {
	sample, err := measure()
	return sample, errors.Join(err, p.Stop())
}
