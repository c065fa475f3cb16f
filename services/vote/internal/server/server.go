// Package server answers the vote service's RPCs: it converts, calls casting
// and maps errors. Requests arrive validated by the rules in their .proto.
package server

import (
	"log/slog"
	"time"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/vote/internal/casting"
)

// defaultWatchEvery is how often WatchTally looks for a change: four times a
// second reads as live.
const defaultWatchEvery = 250 * time.Millisecond

// Server implements votev1.VoteServiceServer. Safe for concurrent use.
type Server struct {
	votev1.UnimplementedVoteServiceServer

	// The effects are set by Open, before the first call.
	desk      *casting.Desk
	counter   *casting.Counter
	recounter *casting.Recounter

	rules rules
	log   *slog.Logger
	// watchEvery is the interval of WatchTally.
	watchEvery time.Duration
	// streamWindow bounds how many votes of a CastVotes stream await their ack.
	streamWindow int
}

// rules holds a message against the rules of its schema; rpc.Validator is one.
type rules interface {
	Check(message any) error
}

// New answers a server without effects: no RPC may reach it before Open, which
// rpc.Server sees to by the service's health.
func New(rules rules, log *slog.Logger) *Server {
	return &Server{rules: rules, log: log, watchEvery: defaultWatchEvery, streamWindow: 1024}
}

// Open gives the server its effects.
func (s *Server) Open(desk *casting.Desk, counter *casting.Counter, recounter *casting.Recounter) {
	s.desk, s.counter, s.recounter = desk, counter, recounter
}
