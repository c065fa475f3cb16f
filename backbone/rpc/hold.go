package rpc

import (
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

// ReasonStarting says that the service waits for something it needs to start.
const ReasonStarting = "STARTING"

// retryStarting is the wait that callers of a held service are asked for: a
// dependency that was away is found within a second of its return.
const retryStarting = time.Second

// Hold has calls of a service refused with UNAVAILABLE until SetServing(true)
// names it: it is registered, and listened for, before what it depends on has
// been reached. What was written before SetServing is seen by the calls after
// it. Hold belongs before Serve.
func (s *Server) Hold(service string) {
	if s.held == nil {
		s.held = map[string]*atomic.Bool{}
	}
	s.held[service] = &atomic.Bool{}
}

// release lets calls of the named services through.
func (s *Server) release(services []string) {
	for _, name := range services {
		if opened := s.held[name]; opened != nil {
			opened.Store(true)
		}
	}
}

// heldBack answers why a call must wait, nil where it need not.
func (s *Server) heldBack(fullMethod string) error {
	if len(s.held) == 0 {
		return nil
	}
	service, _, _ := strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	opened := s.held[service]
	if opened == nil || opened.Load() {
		return nil
	}
	return Status(codes.Unavailable, ReasonStarting, "the service is starting", nil, RetryAfter(retryStarting)).Err()
}
