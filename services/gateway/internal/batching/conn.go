// Package batching gathers the votes of many browsers into few calls, for a
// vote service in another process: a second gRPC hop for each vote costs more
// than everything else the edge does.
//
// There is no timer. A vote that finds a call free is sent at once; one that
// finds all of them busy goes with the next, together with all that gathered
// meanwhile. So a quiet edge adds no delay, and a busy one batches by itself:
//
//	CastVote ─┐                    ┌─ call 1 (in flight)
//	CastVote ─┼─► waiting (≤ max) ─┤
//	CastVote ─┘                    └─ call 2 (in flight)
//
// Each caller keeps his own deadline, error and trace. A caller who gives up
// disturbs nobody: his vote leaves the line if it still waits, and its result
// is dropped if it was sent. What a call carries is sent without its callers'
// metadata: the service sees the edge, in its role SERVICE.
package batching

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway/internal/statusjson"

	"floodgate.internal/backbone/rpc"
)

// Config bounds the batches. All fields must be above zero.
type Config struct {
	// MaxVotes is how many votes one call carries, at most 1,000 by the .proto.
	MaxVotes int
	// MaxCalls is how many calls are in flight at once.
	MaxCalls int
	// MaxWaiting is how many votes wait for a call; one more is refused.
	MaxWaiting int
	// Timeout bounds a call of which some caller has no deadline.
	Timeout time.Duration
}

// Conn sends CastVote as BatchCastVotes and passes every other RPC on as it is.
// It is safe for concurrent use; the request of a cancelled CastVote must not
// be changed afterwards, because it may still be on its way.
type Conn struct {
	next   grpc.ClientConnInterface
	client votev1.VoteServiceClient
	cfg    Config

	mu      sync.Mutex
	waiting []*vote
	calls   int
}

// vote is one caller's vote on its way.
type vote struct {
	ctx     context.Context
	request *votev1.CastVoteRequest
	// outcome has room for one, so that a caller who left holds up nobody.
	outcome chan outcome
}

// outcome is what became of a vote: a response or an error.
type outcome struct {
	accepted *votev1.CastVoteResponse
	err      error
}

// New wraps a connection to a vote service that has BatchCastVotes.
func New(next grpc.ClientConnInterface, cfg Config) *Conn {
	return &Conn{next: next, client: votev1.NewVoteServiceClient(next), cfg: cfg}
}

// NewStream passes the stream on.
func (c *Conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.next.NewStream(ctx, desc, method, opts...)
}

// Invoke sends a vote with the next call, and passes any other RPC on.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	request, isVote := args.(*votev1.CastVoteRequest)
	response, fits := reply.(*votev1.CastVoteResponse)
	if method != votev1.VoteService_CastVote_FullMethodName || !isVote || !fits {
		return c.next.Invoke(ctx, method, args, reply, opts...)
	}
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	v := &vote{ctx: ctx, request: request, outcome: make(chan outcome, 1)}
	if !c.join(v) { //nolint:contextcheck // what is sent must outlive this caller
		return rpc.Status(codes.ResourceExhausted, statusjson.ReasonOverloaded,
			"too many votes are waiting; nothing was done with this one", nil, rpc.RetryAfter(time.Second)).Err()
	}
	select {
	case out := <-v.outcome:
		if out.err == nil {
			proto.Merge(response, out.accepted)
		}
		return out.err
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// join puts a vote in the line and sees that some call will take it; false
// where the line is full.
func (c *Conn) join(v *vote) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) >= c.cfg.MaxWaiting {
		return false
	}
	c.waiting = append(c.waiting, v)
	if c.calls < c.cfg.MaxCalls {
		c.calls++
		go c.drain()
	}
	return true
}

// drain sends calls until nobody waits. Between finding the line empty and
// giving up its place it holds the lock, so no vote joins unseen.
func (c *Conn) drain() {
	for {
		c.mu.Lock()
		batch := c.take()
		if len(batch) == 0 {
			c.calls--
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.send(batch)
	}
}

// take moves the next votes out of the line, without those whose callers have
// left. The caller holds the lock.
func (c *Conn) take() []*vote {
	batch := make([]*vote, 0, min(len(c.waiting), c.cfg.MaxVotes))
	n := 0
	for ; n < len(c.waiting) && len(batch) < c.cfg.MaxVotes; n++ {
		if v := c.waiting[n]; v.ctx.Err() == nil {
			batch = append(batch, v)
		}
	}
	rest := copy(c.waiting, c.waiting[n:])
	clear(c.waiting[rest:])
	c.waiting = c.waiting[:rest]
	return batch
}
