package consume

import (
	"hash/maphash"
	"sync"

	"floodgate.internal/backbone/record"
)

// window is what a claim has read and not finished, sorted into lanes: the
// records of one key, in offset order. It also says who may run the handler
// (places.go). Safe for concurrent use; a record passes its lock twice, once
// with those read beside it and once when it is done and the next is taken.
type window struct {
	mu       sync.Mutex
	lanes    map[uint64]*lane // the busy ones, by their keys' hashes
	seed     maphash.Seed
	frontier frontier
	records  int
	bytes    int64
	room     chan struct{} // holds a token when something was finished
	places   places

	maxRecords int
	maxBytes   int64
}

// lane is a busy key: its records are worked on one after the other until none
// is left. Keys of one hash share a lane, which is more order than they need. A
// record without a key has no order, so it is a lane by itself.
type lane struct {
	key     uint64
	keyless bool
	first   *record.Record   // is worked on; whoever has the lane may read it
	rest    []*record.Record // the window's
	turn    chan struct{}    // closed when a place is its own; nil while nobody waits
}

func newWindow(cfg *Config, start int64) *window {
	return &window{
		lanes: make(map[uint64]*lane), seed: maphash.MakeSeed(),
		frontier: frontier{next: start}, room: make(chan struct{}, 1), places: places{free: cfg.Concurrency},
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

func (w *window) over() bool { return w.records >= w.maxRecords || w.bytes >= w.maxBytes }

// left answers how much more may be read; where either is not positive, nothing
// may. One record may exceed the bytes: else a large one could never be read.
func (w *window) left() (records int, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.maxRecords - w.records, w.maxBytes - w.bytes
}

// add takes records in; hire says that a worker must be started for them.
func (w *window) add(recs []*record.Record) (hire bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range recs {
		w.frontier.deliver(r.Offset)
		w.records++
		w.bytes += int64(r.Size())
		w.sort(r)
	}
	return w.places.hire()
}

// sort puts a record into its lane; one that is new is ready.
func (w *window) sort(r *record.Record) {
	key, keyless := maphash.Bytes(w.seed, r.Key), r.Key == nil
	if l, busy := w.lanes[key]; busy && !keyless {
		l.rest = append(l.rest, r)
		return
	}
	l := &lane{key: key, keyless: keyless, first: r}
	if !keyless {
		w.lanes[key] = l
	}
	w.places.push(l)
}

// finish takes a lane's first record out as done and answers the frontier. A
// lane that has more is ready again, behind those that are; one that has not is
// gone, and the next record of its key starts another.
func (w *window) finish(l *lane) (next int64) {
	r := l.first
	switch {
	case len(l.rest) > 0:
		l.first = l.rest[0]
		l.rest[0] = nil
		l.rest = l.rest[1:]
		w.places.push(l)
	case !l.keyless:
		delete(w.lanes, l.key)
	}
	w.records--
	w.bytes -= int64(r.Size())
	select {
	case w.room <- struct{}{}:
	default:
	}
	return w.frontier.finish(r.Offset)
}
