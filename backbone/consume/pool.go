package consume

// pool runs jobs on goroutines that are kept: a goroutine per record would grow
// its stack anew each time, a fifth of what a record costs. It has as many as
// jobs ever ran at once. run must not be called after close; a goroutine that
// is still busy then ends with its job.
type pool struct {
	jobs chan func()
}

func newPool() *pool { return &pool{jobs: make(chan func())} }

// run starts job at once, on an idle goroutine or a new one.
func (p *pool) run(job func()) {
	select {
	case p.jobs <- job:
	default:
		go p.work(job)
	}
}

func (p *pool) work(job func()) {
	job()
	for job := range p.jobs {
		job()
	}
}

// close ends the goroutines that are idle.
func (p *pool) close() { close(p.jobs) }
