package latency_test

import (
	"testing"
	"time"

	"floodgate.internal/cmd/floodgate/burst/internal/latency"
)

// near allows for the histogram's three digits.
func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if diff := (got - want).Abs(); diff > want/500 {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	odd, even := latency.NewRecorder(), latency.NewRecorder()
	for i := 1; i <= 1_000; i++ {
		r := even
		if i%2 == 1 {
			r = odd
		}
		r.Record(time.Duration(i) * time.Millisecond)
	}
	odd.Merge(even)
	p := odd.Percentiles()
	if p.Count != 1_000 {
		t.Errorf("count: %d, want 1000", p.Count)
	}
	near(t, "p50", p.P50, 500*time.Millisecond)
	near(t, "p90", p.P90, 900*time.Millisecond)
	near(t, "p99", p.P99, 990*time.Millisecond)
	near(t, "p99.9", p.P999, 999*time.Millisecond)
	near(t, "max", p.Max, time.Second)
	near(t, "mean", p.Mean, 500500*time.Microsecond)
}

// The textbook case: 100 answers a second at 1 ms, then one that takes 100 s.
// Raw percentiles hide the stall; a quarter of what should have been sent waited
// longer than 50 s.
func TestCorrected(t *testing.T) {
	t.Parallel()
	r := latency.NewRecorder()
	for range 10_000 {
		r.Record(time.Millisecond)
	}
	r.Record(100 * time.Second)
	if raw := r.Percentiles(); raw.P99 > 2*time.Millisecond {
		t.Fatalf("raw p99: %s", raw.P99)
	}
	corrected := r.Corrected(10 * time.Millisecond).Percentiles()
	if corrected.Count != 20_000 {
		t.Errorf("count: %d, want 20000: each of the 10000 missed ones once", corrected.Count)
	}
	if corrected.P50 > 10*time.Millisecond {
		t.Errorf("p50: %s, want a short one", corrected.P50)
	}
	near(t, "p90", corrected.P90, 80*time.Second)
	near(t, "p99", corrected.P99, 98*time.Second)
}

func TestRecordClamps(t *testing.T) {
	t.Parallel()
	r := latency.NewRecorder()
	r.Record(-time.Second)
	r.Record(time.Hour)
	p := r.Percentiles()
	if p.Count != 2 {
		t.Errorf("count: %d, want 2", p.Count)
	}
	near(t, "max", p.Max, 10*time.Minute)
}
