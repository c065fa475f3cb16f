package burst

import (
	"time"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
	"floodgate.internal/cmd/floodgate/burst/internal/latency"
)

// Percentiles sum up latencies.
type Percentiles = latency.Percentiles

// Difference is one fault that the reconciliation found.
type Difference = audit.Difference

// Report is what a burst found out.
type Report struct {
	Target   string
	Protocol Protocol
	PollID   string
	// Seed repeats the burst.
	Seed        uint64
	Concurrency int
	// TargetRate is the votes per second asked for; 0: closed loop.
	TargetRate float64

	// Votes is how many were planned. Each is one of the following: Accepted;
	// Open, where answers were lost to the end, so it may be counted; Refused,
	// for ever or until it was given up; Unsent.
	Votes, Accepted, Open, Refused, Unsent int64
	// Requests is how many were sent: votes, Retries of what had no acceptance,
	// Resends of what had. LostAnswers is how many were without an answer that
	// says what happened: timeouts, broken connections, 5xx.
	Requests, Retries, Resends, LostAnswers int64
	// Causes are what stood in the way of requests.
	Causes []Cause

	// Duration is the time from the first vote to the last answer, Rate the
	// accepted votes per second within it.
	Duration time.Duration
	Rate     float64
	// Latency is a vote's time to its last answer, retries and their waits
	// included: from when it was due in open loop, from when it was sent in
	// closed loop.
	Latency Percentiles
	// Corrected is Latency without coordinated omission: the same in open loop;
	// in closed loop by the expected-interval method with ExpectedInterval, the
	// mean time between two votes of a worker.
	Corrected        Percentiles
	ExpectedInterval time.Duration

	// Reconciled says whether the rest was found out.
	Reconciled bool
	// Drain is the time from the last answer until every accepted vote was
	// decided, Reconcile that of reading all receipts.
	Drain, Reconcile time.Duration
	// Recorded is how many distinct votes the poll has; of them Counted,
	// Duplicates, Rejected and Voided by their receipts, Foreign not this
	// burst's, OpenRecorded this burst's without an answer.
	Recorded, Counted, Duplicates, Rejected, Voided, Foreign, OpenRecorded int64
	// Reasons are why votes were rejected or voided.
	Reasons map[string]int64
	// Lag is what the tally had not counted at the end: above 0 only where the
	// drain took too long.
	Lag int64
	// DifferencesTotal is how many faults were found, DifferencesByKind of which
	// kinds, Differences the first 20.
	DifferencesTotal  int64
	DifferencesByKind map[audit.Kind]int64
	Differences       []Difference
}

// Equal says whether burst and record were compared and agree.
func (r *Report) Equal() bool {
	return r.Reconciled && r.DifferencesTotal == 0
}

// conclude takes over the audit's result.
func (r *Report) conclude(a audit.Result, lag int64) {
	r.Reconciled, r.Lag = true, lag
	r.Recorded, r.Foreign, r.OpenRecorded = a.Recorded, a.Foreign, a.LostRecorded
	r.Counted, r.Duplicates, r.Rejected, r.Voided = a.Counted, a.Duplicates, a.Rejected, a.Voided
	r.Reasons, r.Differences = a.Reasons, a.Differences
	r.DifferencesTotal, r.DifferencesByKind = a.Total, a.ByKind
}
