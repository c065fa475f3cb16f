package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// grace is what a Stop has to answer in after its deadline, which it spends
// cutting off what would not end.
const grace = time.Second

// stop ends a component: Stop, then Run's context, then Run. What takes longer
// than its time is left behind and reported.
func (r *running) stop(ctx context.Context) error {
	r.asked.Store(true)
	defer r.stopping()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout())
	defer cancel()
	late := make(chan struct{})
	timer := time.AfterFunc(r.timeout()+grace, func() { close(late) })
	defer timer.Stop()
	err := r.graceful(limited, late)
	r.stopping()
	select {
	case <-r.ended:
		return errors.Join(err, r.err)
	case <-late:
		return errors.Join(err, fmt.Errorf("run %s: %w", r.Name, errLate))
	}
}

// graceful runs Stop.
func (r *running) graceful(limited context.Context, late <-chan struct{}) error {
	if r.Stop == nil {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- r.Stop(limited) }()
	var err error
	select {
	case err = <-done:
	case <-late:
		err = errLate
	}
	if err != nil {
		return fmt.Errorf("stop %s: %w", r.Name, err)
	}
	return nil
}
