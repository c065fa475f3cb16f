package requestreply

import (
	"context"
	"fmt"
	"time"
)

// Close refuses new requests, waits until ctx ends for the replies of those that
// wait, and removes the reply topic. Requests that still wait then get an error
// that wraps ErrUnknown. Further calls answer the same.
func (r *Requester) Close(ctx context.Context) error {
	r.closed.Do(func() {
		r.closing.Store(true)
		left := 0
		if t := r.current.Load(); t != nil {
			select {
			case <-t.pending.drained():
			case <-ctx.Done():
				left, _ = t.pending.oldest()
			}
		}
		r.closure = r.end(ctx)
		if left > 0 && r.closure == nil {
			r.closure = fmt.Errorf("closing the requester: %d requests were still waiting for a reply", left)
		}
	})
	return r.closure
}

// end stops all that runs and lets the cluster go.
func (r *Requester) end(ctx context.Context) error {
	r.stop()
	r.work.Wait()
	r.late.rest(ctx)
	r.unmeter()
	if err := r.cluster.close(); err != nil {
		return fmt.Errorf("closing the requester: %w", err)
	}
	return nil
}

// Ready answers nil while requests can be sent, else what is missing.
func (r *Requester) Ready(context.Context) error {
	t := r.current.Load()
	if r.closing.Load() {
		return ErrClosed
	}
	if t == nil || t.lease.remaining(time.Now()) <= 0 {
		return fmt.Errorf("no reply topic at present: %w", ErrUnavailable)
	}
	return nil
}
