package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"floodgate.internal/cmd/floodgate/burst"
)

// full is a report with every line.
func full() *burst.Report {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	return &burst.Report{
		Target: "http://127.0.0.1:8080", Protocol: burst.REST, PollID: "burst-1", Seed: 7, Concurrency: 256,
		Votes: 300_000, Accepted: 299_990, Open: 6, Refused: 3, Unsent: 1,
		Requests: 303_100, Retries: 120, Resends: 2_980, LostAnswers: 101,
		Causes:   []burst.Cause{{Name: "503", Requests: 101, Example: `{"code":14}` + "\nmore"}, {Name: "timeout", Requests: 6, Example: "i/o timeout"}},
		Duration: ms(12_000), Rate: 24_999,
		Latency:          burst.Percentiles{P50: ms(8), P90: ms(12), P99: ms(40), P999: ms(210), Max: ms(1_500)},
		Corrected:        burst.Percentiles{P50: ms(8), P90: ms(13), P99: ms(60), P999: ms(900), Max: ms(12_345)},
		ExpectedInterval: ms(10), Reconciled: true, Drain: ms(420), Reconcile: ms(2_100),
		Recorded: 299_994, Counted: 293_990, Duplicates: 6_000, Rejected: 4, OpenRecorded: 4, Foreign: 2, Lag: 3,
		Reasons: map[string]int64{"POLL_CLOSED": 4}, DifferencesTotal: 30,
		Differences: []burst.Difference{{Kind: "MISSING", VoteID: "0123456789abcdef-7dc55690", Detail: "accepted, but there is no receipt"}},
	}
}

// What people and programs read is pinned; a change is made on purpose, with
// UPDATE_GOLDEN=1.
func TestReportGolden(t *testing.T) {
	t.Parallel()
	for file, write := range map[string]func(*bytes.Buffer) error{
		"testdata/report.txt":  func(b *bytes.Buffer) error { return writeReport(b, full()) },
		"testdata/report.json": func(b *bytes.Buffer) error { return writeReportJSON(b, full()) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// Without a terminal progress is a line each three seconds of a phase.
func TestProgressLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	v := newProgressView(&out)
	for s := range 8 {
		v.show(burst.Progress{Phase: burst.PhaseVoting, Done: int64(s), Total: 8, Elapsed: time.Duration(s) * time.Second})
	}
	v.show(burst.Progress{Phase: burst.PhaseDraining, Elapsed: time.Second})
	v.show(burst.Progress{Phase: burst.PhaseDraining, Elapsed: 3 * time.Second, Done: 8, Total: 8})
	v.close()
	want := "voting      3 of 8 in 3 s\nvoting      6 of 8 in 6 s\ndraining    8 of 8 in 3 s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// On a terminal it is a bar, which takes more votes than it has room for.
func TestProgressBar(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	v := newProgressView(&out)
	v.terminal = true
	v.show(burst.Progress{Phase: burst.PhaseVoting, Done: 5, Total: 10})
	v.show(burst.Progress{Phase: burst.PhaseVoting, Done: 11, Total: 10, Elapsed: time.Second})
	v.show(burst.Progress{Phase: burst.PhaseReconciling, Done: 1, Total: 10})
	v.close()
	if text := out.String(); !strings.Contains(text, "(10/10") || !strings.Contains(text, "reconciling") {
		t.Errorf("%q", text)
	}
}
