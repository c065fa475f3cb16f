package rpc

import (
	"context"
	"errors"
	"maps"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// errHeadersSent answers a handler that sends headers twice.
var errHeadersSent = errors.New("headers were sent before")

// localCall is one call of a Conn: its messages, its options, and what the
// handler sends beside its answer. It is the grpc.ServerTransportStream that
// grpc.SetHeader and the like find in the handler's context. Two goroutines
// hold it, the caller's and the handler's.
type localCall struct {
	method string
	done   chan error // one send, by the handler's goroutine
	callOptions

	mu          sync.Mutex
	args, reply any  // the caller's; not to be touched once abandoned
	abandoned   bool // the caller has left
	header      metadata.MD
	trailer     metadata.MD
	headerSent  bool
}

func newLocalCall(method string, args, reply any) *localCall {
	return &localCall{method: method, done: make(chan error, 1), args: args, reply: reply}
}

// receive fills the handler's request, in its envelope, from the caller's.
func (c *localCall) receive(s *Server, to *envelope) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.abandoned {
		return status.FromContextError(context.Canceled).Err()
	}
	size, err := s.encode(c.args)
	if err != nil {
		to.err = err
		return nil
	}
	if err := fits(size, s.cfg.MaxRecvBytes, c.maxSend); err != nil {
		return err
	}
	return assign(to.message, c.args)
}

// answer fills the caller's reply from the handler's response.
func (c *localCall) answer(s *Server, response any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.abandoned {
		return nil
	}
	size, err := s.encode(response)
	if err != nil {
		return status.Errorf(codes.Internal, "grpc: error while marshaling: %v", err)
	}
	if err := fits(size, c.maxRecv, s.cfg.MaxSendBytes); err != nil {
		return err
	}
	return assign(c.reply, response)
}

// abandon makes the messages the caller's own again.
func (c *localCall) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abandoned = true
}

// Method is the full method name.
func (c *localCall) Method() string { return c.method }

// SetHeader adds to the headers, which go out with the answer.
func (c *localCall) SetHeader(md metadata.MD) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.headerSent {
		return errHeadersSent
	}
	c.header = added(c.header, md)
	return nil
}

// SendHeader adds to the headers for the last time.
func (c *localCall) SendHeader(md metadata.MD) error {
	err := c.SetHeader(md)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headerSent = true
	return err
}

// SetTrailer adds to the trailers.
func (c *localCall) SetTrailer(md metadata.MD) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trailer = added(c.trailer, md)
	return nil
}

// added appends the values of more, but for names that belong to the protocol.
func added(md, more metadata.MD) metadata.MD {
	if md == nil {
		md = make(metadata.MD, len(more))
	}
	for name, values := range more {
		if !reserved(name) {
			md.Append(name, values...)
		}
	}
	return md
}

// finish hands headers, trailers and the outcome to the caller's options.
func (c *localCall) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, to := range c.headerTo {
		*to = maps.Clone(c.header)
	}
	for _, to := range c.trailerTo {
		*to = maps.Clone(c.trailer)
	}
	for _, f := range c.onFinish {
		f(err)
	}
}

var _ grpc.ServerTransportStream = (*localCall)(nil)
