package burst

import (
	"errors"
	"fmt"
	"time"
)

// Protocol is how votes reach the service.
type Protocol string

// The protocols.
const (
	REST Protocol = "rest"
	GRPC Protocol = "grpc"
)

// Config is a burst's settings; DefaultConfig answers them complete but for
// Target, PollID and Seed.
type Config struct {
	// Target is where the service is: http://host:port for REST, host:port for
	// gRPC.
	Target string
	// Protocol is REST or GRPC.
	Protocol Protocol
	// Votes is how many distinct votes are cast.
	Votes int
	// Concurrency is how many votes are under way at once at most; over REST
	// each has its own connection.
	Concurrency int
	// Connections is how many connections gRPC calls share.
	Connections int
	// Rate is how many votes per second are begun, whether the service keeps up
	// or not (open loop); 0: each worker casts its next vote as soon as the last
	// one is settled (closed loop).
	Rate float64
	// RepeatVoters is the share of votes, 0 to 1, whose voter has voted before:
	// duplicates by the rule.
	RepeatVoters float64
	// Resends is the share of votes, 0 to 1, sent once more under the same id
	// although they were accepted: they must count once.
	Resends float64
	// PollID names the poll; empty: a new name.
	PollID string
	// SkipPoll casts into the poll PollID, which must exist, and judges nothing
	// there but this burst's votes and the sums.
	SkipPoll bool
	// Candidates is how many candidates a new poll has.
	Candidates int
	// VotesPerVoter is how many votes of one voter count in a new poll.
	VotesPerVoter int
	// Seed decides ids, candidates, repetitions; 0: a new one. A burst with the
	// seed, votes and shares of an earlier one is its repetition under the same
	// ids, which must add to no count.
	Seed uint64
	// RequestTimeout bounds one request. Longer than the service's own limit
	// (10 s), so that the service's answer is the one that is seen.
	RequestTimeout time.Duration
	// RetryFor is how long after its first try a vote without an answer, or one
	// answered 429 or 5xx, is sent again under the same id.
	RetryFor time.Duration
	// DrainTimeout bounds the wait until every accepted vote is decided.
	DrainTimeout time.Duration
	// Bare takes any acceptance as the vote's own: for servers that answer the
	// same to every vote, with Fire.
	Bare bool
}

// DefaultConfig answers the burst of the README: 300,000 votes over REST, in
// closed loop over 256 connections.
func DefaultConfig() Config {
	return Config{
		Protocol:       REST,
		Votes:          300_000,
		Concurrency:    256,
		Connections:    4,
		RepeatVoters:   0.02,
		Resends:        0.01,
		Candidates:     5,
		VotesPerVoter:  1,
		RequestTimeout: 15 * time.Second,
		RetryFor:       30 * time.Second,
		DrainTimeout:   60 * time.Second,
	}
}

// Limits that keep memory bounded and typing errors out.
const (
	maxVotes       = 20_000_000
	maxConcurrency = 20_000
)

// Validate reports every fault at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(is bool, format string, args ...any) {
		if is {
			faults = append(faults, fmt.Errorf("burst: "+format, args...))
		}
	}
	fault(c.Target == "", "Target is missing")
	fault(c.Protocol != REST && c.Protocol != GRPC, "Protocol is %q, not rest or grpc", c.Protocol)
	fault(c.Votes < 1 || c.Votes > maxVotes, "Votes is %d, not 1 to %d", c.Votes, maxVotes)
	fault(c.Concurrency < 1 || c.Concurrency > maxConcurrency, "Concurrency is %d, not 1 to %d", c.Concurrency, maxConcurrency)
	fault(c.Connections < 1, "Connections is %d, not 1 or more", c.Connections)
	fault(!(c.Rate >= 0), "Rate is %g, not 0 or more", c.Rate)
	fault(!(c.RepeatVoters >= 0 && c.RepeatVoters <= 1), "RepeatVoters is %g, not 0 to 1", c.RepeatVoters)
	fault(!(c.Resends >= 0 && c.Resends <= 1), "Resends is %g, not 0 to 1", c.Resends)
	fault(c.SkipPoll && c.PollID == "", "SkipPoll needs PollID")
	fault(!c.SkipPoll && (c.Candidates < 1 || c.Candidates > 1_000), "Candidates is %d, not 1 to 1000", c.Candidates)
	fault(!c.SkipPoll && (c.VotesPerVoter < 1 || c.VotesPerVoter > 100), "VotesPerVoter is %d, not 1 to 100", c.VotesPerVoter)
	fault(c.RequestTimeout <= 0, "RequestTimeout is %s, not above 0", c.RequestTimeout)
	fault(c.RetryFor < 0, "RetryFor is %s, not 0 or more", c.RetryFor)
	fault(c.DrainTimeout <= 0, "DrainTimeout is %s, not above 0", c.DrainTimeout)
	return errors.Join(faults...)
}
