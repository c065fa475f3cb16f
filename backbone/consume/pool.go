package consume

import (
	"sync"
	"sync/atomic"
)

// pool runs jobs on goroutines that are kept: a goroutine per record would grow
// its stack anew each time, a fifth of what a record costs. It has as many as
// jobs ever ran at once. run must not be called after close; a goroutine that
// is still busy then ends with its job. Safe for concurrent use.
type pool struct {
	jobs chan func(*worker)

	mu      sync.Mutex
	workers []*worker
}

// worker is a goroutine of the pool. It knows its number, by which its stack is
// found (stack.go), and shows what it is at: one store costs a record less than
// a table of all that runs.
type worker struct {
	number int64
	at     atomic.Pointer[flight]
}

// show makes the attempt visible that the worker begins.
func (w *worker) show(f *flight) {
	f.worker.Store(w.number)
	w.at.Store(f)
}

func newPool() *pool { return &pool{jobs: make(chan func(*worker))} }

// run starts job at once, on an idle goroutine or a new one.
func (p *pool) run(job func(*worker)) {
	select {
	case p.jobs <- job:
	default:
		go p.work(job)
	}
}

func (p *pool) work(job func(*worker)) {
	w := &worker{number: goroutineNumber()}
	p.mu.Lock()
	p.workers = append(p.workers, w)
	p.mu.Unlock()
	job(w)
	for job := range p.jobs {
		job(w)
	}
}

// running lists the attempts that run now.
func (p *pool) running() []*flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*flight
	for _, w := range p.workers {
		if f := w.at.Load(); f != nil {
			all = append(all, f)
		}
	}
	return all
}

// close ends the goroutines that are idle.
func (p *pool) close() { close(p.jobs) }
