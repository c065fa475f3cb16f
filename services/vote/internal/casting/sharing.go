package casting

import (
	"context"
	"sync"
	"time"
)

// Bounds of shared readings. A poll that closes is watched by everybody at
// once; what they see need not differ by the milliseconds between them.
const (
	readingFreshness = 50 * time.Millisecond
	readingPatience  = 5 * time.Second
	maxReadings      = 1_000
)

// reading is one count, shared by those who ask during it and shortly after.
type reading struct {
	begun  time.Time
	done   chan struct{}
	answer Reading
	err    error
}

// readings shares counts by poll. Safe for concurrent use.
type readings struct {
	mu     sync.Mutex
	byPoll map[string]*reading
}

// of answers the reading of a poll that is under way or fresh, or begins one. A
// reading serves many callers, so none of their contexts ends it.
func (r *readings) of(ctx context.Context, poll string, read func(context.Context) (Reading, error)) *reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.byPoll[poll]; now != nil && time.Since(now.begun) < readingFreshness {
		return now
	}
	if r.byPoll == nil || len(r.byPoll) >= maxReadings {
		r.byPoll = map[string]*reading{}
	}
	begun := &reading{begun: time.Now(), done: make(chan struct{})}
	r.byPoll[poll] = begun
	go func() {
		defer close(begun.done)
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), readingPatience)
		defer cancel()
		if begun.answer, begun.err = read(bounded); begun.err != nil {
			r.forget(poll, begun)
		}
	}()
	return begun
}

// forget lets the next caller try anew at once.
func (r *readings) forget(poll string, failed *reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byPoll[poll] == failed {
		delete(r.byPoll, poll)
	}
}
