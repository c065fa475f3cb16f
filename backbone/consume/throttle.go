package consume

import (
	"sync"
	"time"
)

// throttle lets one log line through per interval and counts the others: under
// a fault every record has one. The zero value is ready, safe for concurrent use.
type throttle struct {
	mu         sync.Mutex
	last       time.Time
	suppressed int
}

// pass answers whether to log at this time, and how many were held back since
// the last line.
func (t *throttle) pass(at time.Time, every time.Duration) (suppressed int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.last.IsZero() && at.Sub(t.last) < every {
		t.suppressed++
		return 0, false
	}
	suppressed, t.suppressed, t.last = t.suppressed, 0, at
	return suppressed, true
}
