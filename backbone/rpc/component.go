package rpc

import (
	"context"
	"fmt"
	"net"

	"floodgate.internal/backbone/lifecycle"
)

// Component is the server as a part of a process, listening on addr (host:port;
// port 0 takes a free one). listening is told the address before the first call
// is served; it may be nil.
func (s *Server) Component(addr string, listening func(net.Addr)) lifecycle.Component {
	var lis net.Listener
	return lifecycle.Component{
		Name: "gRPC server",
		Start: func(ctx context.Context) error {
			var config net.ListenConfig
			var err error
			if lis, err = config.Listen(ctx, "tcp", addr); err != nil {
				return fmt.Errorf("listen for gRPC: %w", err)
			}
			if listening != nil {
				listening(lis.Addr())
			}
			return nil
		},
		Run:   func(context.Context) error { return s.Serve(lis) },
		Drain: s.Drain,
		Stop:  s.Stop,
	}
}

// HealthComponent has the overall health say what readiness says.
func (s *Server) HealthComponent(ready *lifecycle.Readiness) lifecycle.Component {
	return lifecycle.Component{
		Name: "health",
		Run: func(ctx context.Context) error {
			ready.Watch(ctx, func(missing []lifecycle.Missing) { s.SetServing(len(missing) == 0) })
			return nil
		},
	}
}
