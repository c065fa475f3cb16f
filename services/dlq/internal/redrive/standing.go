package redrive

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"floodgate.internal/services/dlq/internal/letter"
)

// Crowd are the failures of a service and class in a status.
type Crowd struct {
	Service, Class string
	Status         letter.Status
	Count          int64
}

// Standing is what there is, what waits for an operator, and how far replays
// have come.
type Standing struct {
	// Crowds are the failures by service, class and status, the largest first.
	Crowds []Crowd
	// Oldest is when the failure that has waited longest in a status failed last,
	// in Unix microseconds; only of OPEN, REPLAYING and PARKED ones, if any.
	Oldest map[letter.Status]int64
	// Replays are those that have not ended, the oldest first, a few.
	Replays []Replay
	// Unclassified is how many failures are of an older kind than today's.
	Unclassified int64
}

// Surveyed can be looked over. Failures implement it.
type Surveyed interface {
	// Standing answers the standing by a version of the kinds; crowds beyond the
	// limit are one for each status, without service and class, behind the others.
	Standing(ctx context.Context, version, limit int) (Standing, error)
}

// The Lookout's numbers: a look reads counts that are kept and a few ends of
// indexes; what was seen a minute ago is not what is.
const (
	standingEvery = 15 * time.Second
	standingAge   = time.Minute
	// maxCrowds bounds the crowds that are told apart: classes are the words of
	// other frameworks and of clients.
	maxCrowds = 200
)

// Lookout looks at the standing from time to time, for metrics. Safe for
// concurrent use.
type Lookout struct {
	failures Surveyed
	version  int
	log      *slog.Logger

	mu   sync.Mutex
	last Standing
	at   time.Time
}

// NewLookout answers a lookout over failures; version is that of their kinds.
func NewLookout(failures Surveyed, version int, log *slog.Logger) *Lookout {
	return &Lookout{failures: failures, version: version, log: log}
}

// Run looks until ctx ends.
func (l *Lookout) Run(ctx context.Context) {
	for {
		seen, err := l.failures.Standing(ctx, l.version, maxCrowds)
		if err == nil {
			l.mu.Lock()
			l.last, l.at = seen, time.Now()
			l.mu.Unlock()
		} else if ctx.Err() == nil {
			l.log.WarnContext(ctx, "how many failures there are cannot be told", slog.Any("error", err))
		}
		if !sleep(ctx, standingEvery) {
			return
		}
	}
}

// Last answers what was seen last; false where nothing was seen within a minute:
// unknown is not none.
func (l *Lookout) Last() (Standing, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last, !l.at.IsZero() && time.Since(l.at) <= standingAge
}
