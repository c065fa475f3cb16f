package cli

import (
	"encoding/json"
	"io"

	"floodgate.internal/cmd/floodgate/burst"
)

// reportJSON is a report for programs; names carry their units.
type reportJSON struct {
	PollID      string         `json:"pollId"`
	Target      string         `json:"target"`
	Protocol    burst.Protocol `json:"protocol"`
	Seed        uint64         `json:"seed,string"`
	Concurrency int            `json:"concurrency"`
	TargetRate  float64        `json:"targetVotesPerSecond,omitempty"`

	Votes       int64         `json:"votes"`
	Accepted    int64         `json:"accepted"`
	Open        int64         `json:"withoutAnswer"`
	Refused     int64         `json:"refused"`
	Unsent      int64         `json:"unsent"`
	Requests    int64         `json:"requests"`
	Retries     int64         `json:"retries"`
	Resends     int64         `json:"resends"`
	LostAnswers int64         `json:"lostAnswers"`
	Causes      []burst.Cause `json:"causes"`

	DurationSeconds float64     `json:"durationSeconds"`
	VotesPerSecond  float64     `json:"votesPerSecond"`
	Latency         latencyJSON `json:"latencyMilliseconds"`
	Corrected       latencyJSON `json:"correctedLatencyMilliseconds"`
	// ExpectedInterval is absent in open loop, which needs no correction.
	ExpectedInterval float64 `json:"expectedIntervalMilliseconds,omitempty"`

	DrainSeconds     float64            `json:"drainSeconds"`
	ReconcileSeconds float64            `json:"reconcileSeconds"`
	Recorded         int64              `json:"recorded"`
	Counted          int64              `json:"counted"`
	Duplicates       int64              `json:"duplicates"`
	Rejected         int64              `json:"rejected"`
	Voided           int64              `json:"voided"`
	Foreign          int64              `json:"foreign"`
	OpenRecorded     int64              `json:"withoutAnswerRecorded"`
	Reasons          map[string]int64   `json:"reasons,omitempty"`
	Lag              int64              `json:"lag"`
	Equal            bool               `json:"equal"`
	DifferencesTotal int64              `json:"differencesTotal"`
	Differences      []burst.Difference `json:"differences"`
}

// latencyJSON are percentiles in milliseconds.
type latencyJSON struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

func latencyOf(p burst.Percentiles) latencyJSON {
	return latencyJSON{
		milliseconds(p.Mean), milliseconds(p.P50), milliseconds(p.P90),
		milliseconds(p.P99), milliseconds(p.P999), milliseconds(p.Max),
	}
}

// writeReportJSON writes a report as one JSON object.
func writeReportJSON(out io.Writer, r *burst.Report) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(reportJSON{
		PollID: r.PollID, Target: r.Target, Protocol: r.Protocol, Seed: r.Seed, Concurrency: r.Concurrency,
		TargetRate: r.TargetRate, Votes: r.Votes, Accepted: r.Accepted, Open: r.Open, Refused: r.Refused,
		Unsent: r.Unsent, Requests: r.Requests, Retries: r.Retries, Resends: r.Resends, LostAnswers: r.LostAnswers,
		Causes: r.Causes, DurationSeconds: r.Duration.Seconds(), VotesPerSecond: r.Rate,
		Latency: latencyOf(r.Latency), Corrected: latencyOf(r.Corrected), ExpectedInterval: milliseconds(r.ExpectedInterval),
		DrainSeconds: r.Drain.Seconds(), ReconcileSeconds: r.Reconcile.Seconds(),
		Recorded: r.Recorded, Counted: r.Counted, Duplicates: r.Duplicates, Rejected: r.Rejected, Voided: r.Voided,
		Foreign: r.Foreign, OpenRecorded: r.OpenRecorded, Reasons: r.Reasons, Lag: r.Lag,
		Equal: r.Equal(), DifferencesTotal: r.DifferencesTotal, Differences: append([]burst.Difference{}, r.Differences...),
	})
}
