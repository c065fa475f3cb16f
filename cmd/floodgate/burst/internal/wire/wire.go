// Package wire sends votes to a service and reads what became of them, over
// REST or gRPC. It is made to be cheap, because it shares the machine with what
// it measures, and exact about what an answer leaves open.
package wire

import (
	"errors"
	"fmt"
	"time"
)

// Vote is one request. The connection it is handed to keeps nothing of it.
type Vote struct {
	PollID, CandidateID string
	VoterID, VoteID     []byte
}

// Verdict is what an answer, or its absence, says of a vote.
type Verdict uint8

const (
	// Accepted says that the service has the vote.
	Accepted Verdict = iota + 1
	// Misnamed is an acceptance that names another vote.
	Misnamed
	// Throttled votes were not taken now (429, RESOURCE_EXHAUSTED); try again.
	Throttled
	// Unreached votes never left, because no connection was had; try again.
	Unreached
	// Indefinite votes the service may or may not have (no answer, 5xx);
	// try again under the same id.
	Indefinite
	// Refused votes the service will never take.
	Refused
)

// Answer is what came of one request.
type Answer struct {
	Verdict Verdict
	// RetryAfter is how long the service asks to wait; 0: it does not say.
	RetryAfter time.Duration
	// Cause names what went wrong in a word or two ("503", "UNAVAILABLE",
	// "timeout"), the same for the same fault; empty where the vote is accepted.
	Cause string
	// Detail is the answer's text, cut to 512 bytes.
	Detail string
}

// Error is a refusal of a request that is not a vote.
type Error struct {
	// Cause is as in Answer.
	Cause string
	// Detail is what the service wrote.
	Detail string
	// Passing errors may be gone on the next try.
	Passing bool
}

// Error names the cause first.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Cause, e.Detail) }

// Passing says whether a request may succeed when it is tried again: the
// service was away, busy or slow.
func Passing(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Passing
}

// maxDetail is how much of an error's text is kept.
const maxDetail = 512

// cut shortens a text to maxDetail.
func cut(text []byte) string {
	return string(text[:min(len(text), maxDetail)])
}
