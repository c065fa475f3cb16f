package castvote

import (
	"context"
	"errors"

	"floodgate.internal/cmd/floodgate/burst"
	"floodgate.internal/services/vote"
	"floodgate.internal/tests/bench/internal/echo"
	"floodgate.internal/tests/bench/internal/rounds"
)

// Callers of the two loads: a burst, and what a few clients make.
const (
	many = 512
	few  = 128
)

// GRPC compares CastVote, each with acks=all, validation and tracing.
func GRPC() rounds.Contest {
	return rounds.Contest{Name: "castvote", Open: func(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
		return open(ctx, env, (*arena).grpc)
	}}
}

// REST compares POST /api/v1/votes.
func REST() rounds.Contest {
	return rounds.Contest{Name: "rest", Open: func(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
		return open(ctx, env, (*arena).rest)
	}}
}

// open starts the sides; what was started is stopped where one does not start.
func open(ctx context.Context, env rounds.Env, fill func(*arena, context.Context) (*rounds.Match, error)) (*rounds.Match, error) {
	a, err := newArena(ctx, env)
	if err != nil {
		return nil, err
	}
	m, err := fill(a, ctx)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	m.Close = a.close
	if m.Slices = slices; env.Smoke {
		m.Slices = 1
	}
	return m, nil
}

func (a *arena) grpc(ctx context.Context) (*rounds.Match, error) {
	// Real Kafka shares the cores with both sides.
	target := rounds.Target{AtLeast: 0.50}
	if len(a.env.Servers.Kafka) > 0 {
		target.AtLeast = 0.45
	}
	wide, narrow := a.shape(burst.GRPC, many), a.shape(burst.GRPC, few)
	bare, err1 := a.bare(ctx, "echo", echo.GRPCName, wide)
	service, err2 := a.service(ctx, "service", wide, vote.RoleAPI)
	produce, err3 := a.bare(ctx, "produce", echo.ProduceName, wide)
	fewBare, err4 := a.bare(ctx, "echo, few", echo.GRPCName, narrow)
	fewService, err5 := a.service(ctx, "service, few", narrow, vote.RoleAPI)
	return &rounds.Match{
		Sides: []rounds.Side{bare, service, produce, fewBare, fewService},
		Lines: []rounds.Line{
			{Name: "CastVote, gRPC, 512 callers", Unit: "/s", Ours: "service", Reference: "echo", Target: target, Note: "role api; a bare grpc-go echo"},
			{Name: "CastVote, gRPC, 128 callers", Unit: "/s", Ours: "service, few", Reference: "echo, few"},
			{Name: "bare produce behind the echo, 512", Unit: "/s", Ours: "produce", Reference: "echo", Note: "orientation, not ours"},
		},
	}, errors.Join(err1, err2, err3, err4, err5)
}

func (a *arena) rest(ctx context.Context) (*rounds.Match, error) {
	shape := a.shape(burst.REST, many)
	handler, err1 := a.bare(ctx, "handler", echo.RESTName, shape)
	edge, err2 := a.service(ctx, "edge", shape, vote.RoleAPI)
	return &rounds.Match{
		Sides: []rounds.Side{handler, edge},
		Lines: []rounds.Line{
			{Name: "POST /api/v1/votes, 512 connections", Unit: "/s", Ours: "edge", Reference: "handler", Target: rounds.Target{AtLeast: 0.50}, Note: "gateway and role api; net/http and encoding/json"},
		},
	}, errors.Join(err1, err2)
}

// Whole compares CastVote while the same process counts, to the last vote.
func Whole() rounds.Contest {
	return rounds.Contest{Name: "whole", Open: func(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
		return open(ctx, env, (*arena).whole)
	}}
}

func (a *arena) whole(ctx context.Context) (*rounds.Match, error) {
	shape := a.shape(burst.GRPC, many)
	bare, err1 := a.bare(ctx, "echo", echo.GRPCName, shape)
	service, err2 := a.service(ctx, "service", shape)
	return &rounds.Match{
		Sides: []rounds.Side{bare, service},
		Lines: []rounds.Line{
			{Name: "CastVote while all is counted, 512", Unit: "/s", Ours: "service", Reference: "echo", Note: "orientation: tally and ledger in the same process, CPU to the last count"},
		},
	}, errors.Join(err1, err2)
}
