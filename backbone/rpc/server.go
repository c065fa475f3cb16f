package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/stats"
)

// Server is one gRPC server with health and reflection. Register services
// first (it is a grpc.ServiceRegistrar), then Serve and Local, then Stop.
// Registering is for one goroutine, the rest is safe for concurrent use.
type Server struct {
	cfg     ServerConfig
	grpc    *grpc.Server
	rules   *rules
	health  *health.Server
	stats   stats.Handler
	methods map[string]localMethod  // by full method name
	held    map[string]*atomic.Bool // by service; true once it serves
	local   gate                    // calls of Conns in flight
	workers workers
	buffers sync.Pool // of *[]byte, to encode what Conns copy

	// draining ends when Stop begins, running when the server is cut off.
	draining, running context.Context // the server's own life, not a call's
	drain, cut        context.CancelFunc
	faults            []error // of RegisterService, told by Serve
}

// NewServer answers a server of cfg that serves nothing yet but health
// (NOT_SERVING until SetServing) and reflection. The error names every setting
// that is wrong.
func NewServer(cfg ServerConfig) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("gRPC server settings: %w", err)
	}
	rules, err := newRules()
	if err != nil {
		return nil, err
	}
	cfg = cfg.defaulted()
	handler, err := statsHandler(cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, rules: rules, health: health.NewServer(), stats: handler,
		methods: map[string]localMethod{}, local: newGate(), workers: newWorkers(),
	}
	s.draining, s.drain = context.WithCancel(context.Background())
	s.running, s.cut = context.WithCancel(context.Background())
	opts := append(options(cfg, s.stats), grpc.UnaryInterceptor(s.unary), grpc.StreamInterceptor(s.stream))
	s.grpc = grpc.NewServer(opts...)
	s.health.SetServingStatus("", healthv1.HealthCheckResponse_NOT_SERVING)
	healthv1.RegisterHealthServer(s, s.health)
	reflection.Register(s)
	return s, nil
}

// Serve answers calls that arrive at lis until Stop, then nil; it closes lis. It
// may serve several listeners at a time. The error is the listener's, or that a
// service was registered whose rules do not compile.
func (s *Server) Serve(lis net.Listener) error {
	if err := errors.Join(s.faults...); err != nil {
		return errors.Join(err, lis.Close())
	}
	if err := s.grpc.Serve(lis); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve gRPC on %s: %w", lis.Addr(), err)
	}
	return nil
}

// SetServing sets the health of the named services, and the overall one ("")
// where none is named. After Stop has begun it changes nothing.
func (s *Server) SetServing(serving bool, services ...string) {
	state := healthv1.HealthCheckResponse_NOT_SERVING
	if serving {
		s.release(services)
		state = healthv1.HealthCheckResponse_SERVING
	}
	if len(services) == 0 {
		services = []string{""}
	}
	for _, name := range services {
		s.health.SetServingStatus(name, state)
	}
}

// Drain makes every health answer NOT_SERVING for good, so that load balancers
// look elsewhere; calls are still served.
func (s *Server) Drain() { s.health.Shutdown() }

// Stop drains, refuses new calls, ends watches (streams that only send) with
// UNAVAILABLE and waits for all other calls. When ctx ends first it cuts them
// off and answers ctx's error; handlers that ignore their context may still be
// running then. Further calls of Stop do the same.
func (s *Server) Stop(ctx context.Context) error {
	s.Drain()
	s.drain()
	done, local := make(chan struct{}), s.local.close()
	go func() {
		defer close(done)
		s.grpc.GracefulStop()
		<-local
	}()
	select {
	case <-done:
		s.cut()
		return nil
	case <-ctx.Done():
	}
	s.cut()
	s.grpc.Stop()
	return fmt.Errorf("gRPC calls in flight were cut off: %w", context.Cause(ctx))
}
