package edge

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/services/gateway/internal/statusjson"
)

// Limits bounds what is under way at once. Beyond it nothing waits: the answer
// is 429 at once, before anything is read or done.
type Limits struct {
	// MaxRequests is how many requests are under way at once, streams aside.
	MaxRequests int64
	// MaxStreams is how many streams are open at once.
	MaxStreams int64
	// MaxBodyBytes is the largest body.
	MaxBodyBytes int64
	// MaxBufferedBytes is how much all bodies under way may take.
	MaxBufferedBytes int64
}

// admission counts what is under way against the limits.
type admission struct {
	limits   Limits
	requests atomic.Int64
	streams  atomic.Int64
	buffered atomic.Int64
}

// admit takes a place, and room for size bytes of body; the caller gives both
// back by calling leave, unless there is a refusal.
func (a *admission) admit(stream bool, size int64) *status.Status {
	count, limit := a.counter(stream)
	if count.Add(1) > limit {
		count.Add(-1)
		return overloaded("too many requests are under way")
	}
	if size > 0 && a.buffered.Add(size) > a.limits.MaxBufferedBytes {
		a.leave(stream, size)
		return overloaded("too many bytes are under way")
	}
	return nil
}

// leave gives back what admit took.
func (a *admission) leave(stream bool, size int64) {
	count, _ := a.counter(stream)
	count.Add(-1)
	if size > 0 {
		a.buffered.Add(-size)
	}
}

// counter answers what counts, and its limit.
func (a *admission) counter(stream bool) (*atomic.Int64, int64) {
	if stream {
		return &a.streams, a.limits.MaxStreams
	}
	return &a.requests, a.limits.MaxRequests
}

// overloaded is 429 and not 503, because nothing was done and the same request
// is welcome a moment later.
func overloaded(message string) *status.Status {
	return rpc.Status(codes.ResourceExhausted, statusjson.ReasonOverloaded,
		message+"; nothing was done with this one", nil, rpc.RetryAfter(time.Second))
}
