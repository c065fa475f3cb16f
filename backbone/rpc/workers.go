package rpc

import "context"

// maxWorkers bounds the goroutines that are kept between calls of Conns. Each
// keeps a stack of some 8 KiB; calls beyond have a goroutine of their own.
const maxWorkers = 1024

// job is a call that is ready to run.
type job struct {
	ctx    context.Context // handed to a goroutine whole
	cancel context.CancelFunc
	call   *localCall
}

// workers run jobs in goroutines that live on: the validator's frames do not
// fit a new goroutine's stack, and growing it cost a fifth of an empty call.
type workers struct {
	idle  chan job
	slots chan struct{}
}

func newWorkers() workers {
	return workers{idle: make(chan job), slots: make(chan struct{}, maxWorkers)}
}

// start runs a job at once, in an idle worker or a new one.
func (s *Server) start(j job) {
	select {
	case s.workers.idle <- j:
	default:
		go s.work(j)
	}
}

// work runs a job, and then others while there is a slot, until the server is
// cut off.
func (s *Server) work(j job) {
	s.handle(j)
	select {
	case s.workers.slots <- struct{}{}:
		defer func() { <-s.workers.slots }()
	default:
		return
	}
	for {
		select {
		case j = <-s.workers.idle:
			s.handle(j)
		case <-s.running.Done():
			return
		}
	}
}
