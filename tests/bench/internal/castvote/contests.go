package castvote

import (
	"context"

	"floodgate.internal/cmd/floodgate/burst"
	"floodgate.internal/services/vote"
	"floodgate.internal/tests/bench/internal/echo"
	"floodgate.internal/tests/bench/internal/rounds"
)

// Callers of the two loads: what the issue names.
const (
	many = 512
	few  = 128
)

// GRPC compares CastVote, each with acks=all, validation and tracing.
func GRPC() rounds.Contest {
	return rounds.Contest{Name: "castvote", Open: openGRPC}
}

func openGRPC(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	a, err := newArena(ctx, env)
	if err != nil {
		return nil, err
	}
	// Real Kafka shares the cores with both sides.
	target := rounds.Target{AtLeast: 0.50}
	if len(env.Servers.Kafka) > 0 {
		target.AtLeast = 0.45
	}
	wide, narrow := a.shape(burst.GRPC, many), a.shape(burst.GRPC, few)
	return &rounds.Match{
		Sides: []rounds.Side{
			{Name: "echo", Run: a.bare(echo.GRPCName, nil, wide)},
			{Name: "service", Run: a.service(wide, vote.RoleAPI)},
			{Name: "produce", Run: a.produce(wide)},
			{Name: "whole", Run: a.service(wide)},
			{Name: "echo, few", Run: a.bare(echo.GRPCName, nil, narrow)},
			{Name: "service, few", Run: a.service(narrow, vote.RoleAPI)},
		},
		Lines: []rounds.Line{
			{Name: "CastVote, gRPC, 512 callers", Unit: "/s", Ours: "service", Reference: "echo", Target: target, Note: "role api against a bare grpc-go echo"},
			{Name: "CastVote, gRPC, 128 callers", Unit: "/s", Ours: "service, few", Reference: "echo, few"},
			{Name: "bare produce behind the echo, 512", Unit: "/s", Ours: "produce", Reference: "echo", Note: "orientation: not ours"},
			{Name: "CastVote while all is counted, 512", Unit: "/s", Ours: "whole", Reference: "echo", Note: "tally and ledger in the same process"},
		},
		Close: a.close,
	}, nil
}

// REST compares POST /api/v1/votes.
func REST() rounds.Contest {
	return rounds.Contest{Name: "rest", Open: openREST}
}

func openREST(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	a, err := newArena(ctx, env)
	if err != nil {
		return nil, err
	}
	shape := a.shape(burst.REST, many)
	return &rounds.Match{
		Sides: []rounds.Side{
			{Name: "handler", Run: a.bare(echo.RESTName, nil, shape)},
			{Name: "edge", Run: a.service(shape, vote.RoleAPI)},
			{Name: "whole", Run: a.service(shape)},
		},
		Lines: []rounds.Line{
			{Name: "POST /api/v1/votes, 512 connections", Unit: "/s", Ours: "edge", Reference: "handler", Target: rounds.Target{AtLeast: 0.50}, Note: "gateway and role api against net/http and encoding/json"},
			{Name: "POST while all is counted, 512", Unit: "/s", Ours: "whole", Reference: "handler", Note: "tally and ledger in the same process"},
		},
		Close: a.close,
	}, nil
}
