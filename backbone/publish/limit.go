package publish

import "sync/atomic"

// limit counts what waits for an ack, against two bounds. Safe for concurrent
// use.
type limit struct {
	maxRecords, maxBytes int64
	records, bytes       atomic.Int64
}

// acquire answers whether there is room; it never waits. A record of any size
// fits where nothing else waits.
func (l *limit) acquire(size int64) bool {
	records, bytes := l.records.Add(1), l.bytes.Add(size)
	if records > l.maxRecords || (bytes > l.maxBytes && bytes != size) {
		l.release(size)
		return false
	}
	return true
}

func (l *limit) release(size int64) {
	l.records.Add(-1)
	l.bytes.Add(-size)
}
