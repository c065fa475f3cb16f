package consume

// places are a claim's permits to run the handler, Concurrency of them, and the
// lanes that wait for one, first come first served. A worker holds a place and
// takes one ready lane after the other. It starts the next worker only once it
// has one itself, and one at a time: a handler that does not wait is run for
// many records without waking anybody, and one that does has all places within
// as many switches of goroutines.
//
// Guarded by the window's lock.
type places struct {
	free   int
	ready  queue
	coming bool // a worker was started and has not taken a lane yet
}

func (p *places) push(l *lane) { p.ready.push(l) }

// hire says that a worker must be started, and takes its place.
func (p *places) hire() bool {
	if p.free == 0 || p.coming || p.ready.len() == 0 {
		return false
	}
	p.free--
	p.coming = true
	return true
}

// take answers the next lane for who holds a place; nil where none is ready, and
// the place is given back. Where somebody waits with a lane of its own the place
// is handed over, and the taker goes on with another if there is one.
func (p *places) take() *lane {
	for p.ready.len() > 0 {
		l := p.ready.pop()
		if l.turn == nil {
			return l
		}
		close(l.turn)
		l.turn = nil
		if p.free == 0 {
			return nil
		}
		p.free--
	}
	p.free++
	return nil
}

// queue is a first-in-first-out of lanes that reuses its memory.
type queue struct {
	lanes []*lane
	first int
}

func (q *queue) len() int { return len(q.lanes) - q.first }

func (q *queue) push(l *lane) {
	if len(q.lanes) == cap(q.lanes) && 2*q.first >= len(q.lanes) && q.first > 0 {
		n := copy(q.lanes, q.lanes[q.first:])
		clear(q.lanes[n:])
		q.lanes, q.first = q.lanes[:n], 0
	}
	q.lanes = append(q.lanes, l)
}

func (q *queue) pop() *lane {
	l := q.lanes[q.first]
	q.lanes[q.first] = nil
	q.first++
	if q.first == len(q.lanes) {
		q.lanes, q.first = q.lanes[:0], 0
	}
	return l
}

// begin answers a new worker's first lane; hire says that another worker must be
// started beside it.
func (w *window) begin() (l *lane, hire bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places.coming = false
	return w.places.take(), w.places.hire()
}

// next finishes a worker's lane and answers its next one and the frontier.
func (w *window) next(done *lane) (l *lane, frontier int64, hire bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	frontier = w.finish(done)
	return w.places.take(), frontier, w.places.hire()
}

// settle finishes a lane for who holds no place.
func (w *window) settle(done *lane) (frontier int64, hire bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.finish(done), w.places.hire()
}

// leave gives a place back while its lane is worked on without.
func (w *window) leave() (hire bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places.free++
	return w.places.hire()
}

// enter asks for a place for a lane that is worked on without; its turn has come
// when the channel is closed. Nil where there is a place at once.
func (w *window) enter(l *lane) (turn <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.places.free > 0 && w.places.ready.len() == 0 {
		w.places.free--
		return nil
	}
	l.turn = make(chan struct{})
	w.places.push(l)
	return l.turn
}
