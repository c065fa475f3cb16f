package spool

import (
	"slices"
	"sync"

	"floodgate.internal/backbone/publish"
)

// Lanes is the number of lanes of every topic, for ever: rows of before a
// change would be in another lane than their successors.
const Lanes = 64

// laneOf answers a key's lane by FNV-1a; records without a key have no order and
// share the first.
func laneOf(key []byte) int {
	hash := uint32(2166136261)
	for _, b := range key {
		hash = (hash ^ uint32(b)) * 16777619
	}
	if key == nil {
		return 0
	}
	return int(hash % Lanes)
}

// lane is what this process knows of a lane of a topic.
//
//	direct ──a send fails, or the breaker is open──► spooling ──► direct
//	                                       ▲            │ empty under its SQL lock,
//	                                       └────────────┘ and nothing waits here
//
// While it is spooling, no record of it is sent past the spool. Nothing is
// appended before the sends in flight have succeeded or joined those that wait,
// so that each takes the place that its ticket gives it (SEMANTICS 12). Safe for
// concurrent use.
type lane struct {
	topic  string
	number int

	mu       sync.Mutex
	spooling bool
	inFlight int      // sends to Kafka that are not settled
	tickets  uint64   // given out so far, in order of arrival
	waiting  []*entry // by ticket
	taken    int      // entries in the transaction of an append that runs
	held     bool     // appends pause, so that the lane can become empty
	queued   bool     // the appender has been told
}

// state of an entry; changes under its lane's lock.
type state int

const (
	waits   state = iota // in its lane
	inTx                 // in the transaction of an append
	settled              // its outcome is in done
)

// entry is a record on its way into the spool.
type entry struct {
	lane   *lane
	ticket uint64
	row    []byte
	// doubt is set where an earlier send may yet reach the log: the record has to
	// come before its successors in the spool even if nobody waits for it.
	doubt  bool
	nobody bool // its caller has an answer already, or has gone
	state  state
	done   chan outcome // of one
}

// outcome is what became of an entry: an ack or an error, or the lane is direct
// again and its caller is to send it.
type outcome struct {
	ack    publish.Ack
	err    error
	direct bool
}

// settle gives the outcome to the caller, if one waits; the lane's lock is held.
func (e *entry) settle(o outcome) {
	if e.state = settled; !e.nobody {
		e.nobody = true
		e.done <- o
	}
}

// pass is a lane's answer to an arrival.
type pass struct {
	ticket uint64
	direct bool
	report func(error) // of a probe
}

// enter takes an arrival: direct, which leave or join must end, or behind those
// that wait.
func (l *lane) enter(b *breaker) pass {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := pass{ticket: l.tickets}
	l.tickets++
	if l.spooling {
		return p
	}
	if p.report, p.direct = b.admit(); p.direct {
		l.inFlight++
	} else {
		l.spooling = true
	}
	return p
}

// leave ends a send that is settled, and answers whether the lane became ready
// to be appended.
func (l *lane) leave() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	return l.ready()
}

// join puts an entry among those that wait, at the place of its ticket. A send
// that failed gives up its place in flight by that.
func (l *lane) join(e *entry, wasSent bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spooling = true
	if wasSent {
		l.inFlight--
	}
	at, _ := slices.BinarySearchFunc(l.waiting, e.ticket, func(w *entry, t uint64) int {
		if w.ticket < t {
			return -1
		}
		return 1
	})
	l.waiting = slices.Insert(l.waiting, at, e)
	return l.ready()
}

// ready answers true once for each time that the lane may be appended and the
// appender has not been told.
func (l *lane) ready() bool {
	if l.queued || !l.appendable() {
		return false
	}
	l.queued = true
	return true
}

func (l *lane) appendable() bool {
	return len(l.waiting) > 0 && l.inFlight == 0 && l.taken == 0 && !l.held
}

// take moves up to limit entries into the append that the caller runs next.
func (l *lane) take(limit int) []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queued = false
	if !l.appendable() {
		return nil
	}
	n := min(limit, len(l.waiting))
	batch := slices.Clone(l.waiting[:n])
	l.waiting = slices.Delete(l.waiting, 0, n)
	l.taken = n
	for _, e := range batch {
		e.state = inTx
	}
	return batch
}

// stored ends an append that has been committed, and answers whether more
// waits.
func (l *lane) stored(batch []*entry, ack publish.Ack) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = 0
	for _, e := range batch {
		e.settle(outcome{ack: ack})
	}
	return l.ready()
}

// refused ends an append that failed, with the error for its entries and for
// those that waited behind them. Those in doubt stay, at their place, and are
// appended with the next ones: their successors must not pass them.
func (l *lane) refused(batch []*entry, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = 0
	waiting := l.waiting
	l.waiting = nil
	for _, e := range slices.Concat(batch, waiting) {
		e.settle(outcome{err: err})
		if e.doubt {
			e.state = waits
			l.waiting = append(l.waiting, e)
		}
	}
}

// abandon ends the wait of a caller whose context has ended, unless its outcome
// is there: then it answers false. taken says that the record may be stored.
func (l *lane) abandon(e *entry) (taken, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.state == settled {
		return false, false
	}
	taken, e.nobody = e.state == inTx || e.doubt, true
	if !taken {
		l.waiting = slices.DeleteFunc(l.waiting, func(w *entry) bool { return w == e })
	}
	return taken, true
}

// hold pauses the lane's appends, or lets them go on; it answers whether the
// appender is to be told.
func (l *lane) hold(held bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held && (!l.spooling || l.doubtful()) {
		return false
	}
	l.held = held
	return l.ready()
}

// retry answers whether the appender is to be told of records in doubt that
// nobody waits for.
func (l *lane) retry() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.doubtful() && l.ready()
}

// doubtful answers whether a record waits that cannot be sent to Kafka by its
// caller, as that has its answer.
func (l *lane) doubtful() bool {
	return slices.ContainsFunc(l.waiting, func(e *entry) bool { return e.nobody })
}

// switchBack makes the lane direct again if nothing of it is on its way into the
// spool; those that wait are sent to Kafka by their callers. It is called while
// the lane's row is locked in SQL and empty: an append whose commit was never
// answered is over by then.
func (l *lane) switchBack() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.spooling || l.taken > 0 || l.doubtful() || (len(l.waiting) > 0 && !l.held) {
		return false
	}
	l.spooling, l.held = false, false
	for _, e := range l.waiting {
		l.inFlight++
		e.settle(outcome{direct: true})
	}
	l.waiting = nil
	return true
}

// look answers whether the lane is spooling, and how many records are on their
// way into the spool.
func (l *lane) look() (spooling bool, onTheirWay int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spooling, len(l.waiting) + l.taken
}

// spool makes the lane spooling: rows of an earlier life are there.
func (l *lane) spool() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spooling = true
}
