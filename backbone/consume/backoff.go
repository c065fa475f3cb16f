package consume

import (
	"math/rand/v2"
	"time"

	"floodgate.internal/backbone/failure"
)

// delay is the pause before try number tries+1: a random time up to Initial
// doubled with each try so far, at most Max. Full jitter spreads the retries of
// many partitions that failed at one moment over the whole interval.
func (r Retry) delay(tries int) time.Duration {
	ceiling := r.Initial
	for i := 1; i < tries && ceiling < r.Max; i++ {
		ceiling *= 2
	}
	return rand.N(min(ceiling, r.Max)) + 1
}

// budget counts the tries of one record or batch since its first failure. An
// outage is no try of the record's: after it the budget is whole again.
type budget struct {
	retry   Retry
	tries   int
	first   time.Time
	outages int
}

// failed notes a failed try at a time.
func (b *budget) failed(at time.Time, err error) {
	if failure.ClassOf(err) == failure.Outage {
		b.outages++
		b.tries = 0
		return
	}
	if b.tries == 0 {
		b.first = at
	}
	b.outages = 0
	b.tries++
}

// spent says whether a retryable failure may be tried no more.
func (b *budget) spent(at time.Time) bool {
	return b.tries >= b.retry.Tries || at.Sub(b.first) >= b.retry.MaxElapsed
}

// delay is the pause before the next try.
func (b *budget) delay() time.Duration { return b.retry.delay(b.tries + b.outages) }
