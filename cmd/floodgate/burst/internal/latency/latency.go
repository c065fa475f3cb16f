// Package latency measures how long votes take: HDR histograms, one per
// worker, merged at the end.
package latency

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// highest is the longest time told apart from longer ones: above the time
	// for which anybody retries a vote.
	highest = 10 * time.Minute
	// digits is the precision: values are exact to three significant digits.
	digits = 3
)

// Recorder takes the times of one worker; not safe for concurrent use.
type Recorder struct {
	histogram *hdrhistogram.Histogram
}

// NewRecorder makes an empty recorder, about 180 KiB of address space of which
// only what is recorded is ever touched.
func NewRecorder() *Recorder {
	return &Recorder{histogram: hdrhistogram.New(1, highest.Microseconds(), digits)}
}

// Record takes one time, in whole microseconds; longer ones than ten minutes
// count as ten minutes.
func (r *Recorder) Record(d time.Duration) {
	v := min(max(d.Microseconds(), 0), highest.Microseconds())
	// Out of range is the only error there is.
	_ = r.histogram.RecordValue(v)
}

// Merge adds what another recorder took.
func (r *Recorder) Merge(other *Recorder) {
	r.histogram.Merge(other.histogram)
}

// Corrected answers the times with coordinated omission made good by the
// expected-interval method of HdrHistogram: a worker that waited v for one
// answer did not send what it would have sent meanwhile, one each interval, and
// those would have waited v-interval, v-2·interval and so on.
func (r *Recorder) Corrected(interval time.Duration) *Recorder {
	out := &Recorder{histogram: r.histogram.Clone()}
	step := interval.Microseconds()
	if step <= 0 {
		return out
	}
	for _, bar := range r.histogram.Distribution() {
		if bar.Count == 0 {
			continue
		}
		for missed := bar.To - step; missed >= step; missed -= step {
			_ = out.histogram.RecordValues(missed, bar.Count)
		}
	}
	return out
}

// Percentiles sums up times, each within 0.1 % of the true one.
type Percentiles struct {
	// Count is how many times were recorded.
	Count int64
	// Mean is their arithmetic mean.
	Mean time.Duration
	// P50 to P999 are the times below which 50, 90, 99 and 99.9 % lie.
	P50, P90, P99, P999 time.Duration
	// Max is the longest.
	Max time.Duration
}

// Percentiles reads what was recorded.
func (r *Recorder) Percentiles() Percentiles {
	at := r.histogram.ValueAtPercentilesSlice([]float64{50, 90, 99, 99.9})
	us := func(v int64) time.Duration { return time.Duration(v) * time.Microsecond }
	return Percentiles{
		Count: r.histogram.TotalCount(), Mean: time.Duration(r.histogram.Mean() * float64(time.Microsecond)),
		P50: us(at[0]), P90: us(at[1]), P99: us(at[2]), P999: us(at[3]), Max: us(r.histogram.Max()),
	}
}
