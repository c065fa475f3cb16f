package consume

import (
	"sync"

	"floodgate.internal/backbone/record"
)

// window is what a claim has read and not finished, sorted into lanes: the
// records of one key, in offset order. Safe for concurrent use.
type window struct {
	mu       sync.Mutex
	lanes    map[string]*lane // the busy ones
	frontier frontier
	records  int
	bytes    int64
	room     chan struct{} // holds a token when something was finished

	maxRecords int
	maxBytes   int64
}

// lane is a busy key: one goroutine works on it until its queue is empty. A
// record without a key has no order, so it is a lane by itself.
type lane struct {
	key     string
	keyless bool
	queue   []*record.Record
}

func newWindow(cfg *Config, start int64) *window {
	return &window{
		lanes: make(map[string]*lane), frontier: frontier{next: start}, room: make(chan struct{}, 1),
		maxRecords: cfg.MaxInFlightRecords, maxBytes: cfg.MaxInFlightBytes,
	}
}

// load answers what is in the window, and whether it is full. A nil window has
// nothing.
func (w *window) load() (records int, bytes int64, full bool) {
	if w == nil {
		return 0, 0, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.records, w.bytes, w.over()
}

// full says whether to stop reading. One record may exceed the bytes: else a
// large one could never be read.
func (w *window) full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over()
}

func (w *window) over() bool { return w.records >= w.maxRecords || w.bytes >= w.maxBytes }

// add takes a record in; it answers a lane where a goroutine must be started
// for it, nil where one is at work on that key already.
func (w *window) add(r *record.Record) *lane {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frontier.deliver(r.Offset)
	w.records++
	w.bytes += int64(r.Size())
	if l, busy := w.lanes[string(r.Key)]; busy && r.Key != nil {
		l.queue = append(l.queue, r)
		return nil
	}
	l := &lane{key: string(r.Key), keyless: r.Key == nil, queue: []*record.Record{r}}
	if !l.keyless {
		w.lanes[l.key] = l
	}
	return l
}

// head answers the lane's first record.
func (w *window) head(l *lane) *record.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return l.queue[0]
}

// finish takes a lane's first record out as done. It answers the frontier, and
// whether the lane has more; one that has not is gone, and the next record of
// its key starts another.
func (w *window) finish(l *lane) (next int64, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	if more = len(l.queue) > 0; !more && !l.keyless {
		delete(w.lanes, l.key)
	}
	w.records--
	w.bytes -= int64(r.Size())
	select {
	case w.room <- struct{}{}:
	default:
	}
	return w.frontier.finish(r.Offset), more
}
