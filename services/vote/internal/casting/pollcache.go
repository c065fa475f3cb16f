package casting

import (
	"context"
	"sync"
	"time"

	"floodgate.internal/services/vote/internal/ballot"
)

// maxCachedPolls bounds the cache; behind it the cache starts afresh.
const maxCachedPolls = 10_000

// PollCache answers polls that are at most a lifetime old. Polls that do not
// exist are not remembered: a poll created a moment ago is found at once. Safe
// for concurrent use.
type PollCache struct {
	store    Polls
	lifetime time.Duration

	mu    sync.RWMutex
	polls map[string]*cachedPoll
}

// cachedPoll is one entry; its lock has one caller load while others wait.
type cachedPoll struct {
	mu     sync.Mutex
	poll   *ballot.Poll
	loaded time.Time
}

// NewPollCache answers a cache over a store. The consumers' lifetime must be
// below CloseDelay by the skew to be expected between a broker's clock and
// this process's.
func NewPollCache(store Polls, lifetime time.Duration) *PollCache {
	return &PollCache{store: store, lifetime: lifetime, polls: map[string]*cachedPoll{}}
}

// Get answers a poll; the caller must not change it. The age is taken before
// the store is asked, so an answer is never older than it says. Errors:
// ErrNoPoll and those of the store.
func (c *PollCache) Get(ctx context.Context, id string) (*ballot.Poll, error) {
	e := c.entry(id)
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if e.poll != nil && now.Sub(e.loaded) < c.lifetime {
		return e.poll, nil
	}
	p, err := c.store.Get(ctx, id)
	if err != nil {
		c.forget(id, e)
		return nil, err
	}
	e.poll, e.loaded = &p, now
	return e.poll, nil
}

func (c *PollCache) entry(id string) *cachedPoll {
	c.mu.RLock()
	e := c.polls[id]
	c.mu.RUnlock()
	if e != nil {
		return e
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if taken := c.polls[id]; taken != nil {
		return taken
	}
	if len(c.polls) >= maxCachedPolls {
		c.polls = map[string]*cachedPoll{}
	}
	e = &cachedPoll{}
	c.polls[id] = e
	return e
}

func (c *PollCache) forget(id string, e *cachedPoll) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.polls[id] == e {
		delete(c.polls, id)
	}
}
