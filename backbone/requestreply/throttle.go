package requestreply

import (
	"sync"
	"time"
)

// noteEvery is how often lost or late replies are logged: after an outage every
// request has one.
const noteEvery = 10 * time.Second

// throttle lets one log line through per interval and counts the others. The
// zero value is ready, safe for concurrent use.
type throttle struct {
	mu         sync.Mutex
	last       time.Time
	suppressed int
}

// pass answers whether to log now, and how many were held back since the last
// line.
func (t *throttle) pass() (suppressed int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if !t.last.IsZero() && now.Sub(t.last) < noteEvery {
		t.suppressed++
		return 0, false
	}
	suppressed, t.suppressed, t.last = t.suppressed, 0, now
	return suppressed, true
}
