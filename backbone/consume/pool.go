package consume

// pool runs jobs on goroutines that are kept: a goroutine per record would grow
// its stack anew each time, a fifth of what a record costs. It has as many as
// jobs ever ran at once. run must not be called after close; a goroutine that
// is still busy then ends with its job.
//
// Each goroutine knows its number, by which its stack is found (stack.go).
type pool struct {
	jobs chan func(goroutine int64)
}

func newPool() *pool { return &pool{jobs: make(chan func(int64))} }

// run starts job at once, on an idle goroutine or a new one.
func (p *pool) run(job func(goroutine int64)) {
	select {
	case p.jobs <- job:
	default:
		go p.work(job)
	}
}

func (p *pool) work(job func(int64)) {
	number := goroutineNumber()
	job(number)
	for job := range p.jobs {
		job(number)
	}
}

// close ends the goroutines that are idle.
func (p *pool) close() { close(p.jobs) }
