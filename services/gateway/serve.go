package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"google.golang.org/grpc"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/probe"
)

// Listen takes the address, so that it is known before Run serves it; Run does
// it where nobody did. Again: the same address.
func (g *Gateway) Listen(ctx context.Context) (net.Addr, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener == nil {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", g.cfg.Addr)
		if err != nil {
			return nil, fmt.Errorf("gateway: %w", err)
		}
		g.listener = listener
	}
	return g.listener.Addr(), nil
}

// Run serves until Stop, or until ctx ends and the requests under way have had
// StopTimeout. It answers nil after a clean stop, and is called once.
func (g *Gateway) Run(ctx context.Context) error {
	addr, err := g.Listen(ctx)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- g.server.Serve(g.listener) }()
	g.log.InfoContext(ctx, "serving HTTP", "address", addr.String())
	select {
	case err := <-served:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("gateway: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.StopTimeout)
	defer cancel()
	return g.Stop(ctx)
}

// Stop takes no further request, tells the streams that the edge stops and ends
// them, and waits for the requests under way; when ctx ends first it cuts them
// off and says so.
func (g *Gateway) Stop(ctx context.Context) error {
	g.endStreams()
	if err := g.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("gateway: requests under way were cut off: %w", err), g.server.Close())
	}
	return nil
}

// Serving is a readiness check for a service in another process: its gRPC
// health, asked over the connection that the gateway uses.
func Serving(conn grpc.ClientConnInterface) func(context.Context) error {
	return probe.Serving(conn)
}

// Component is the gateway as a part of a process, after whatever its
// connections lead to.
func (g *Gateway) Component() lifecycle.Component {
	return lifecycle.Component{
		Name: "gateway",
		Start: func(ctx context.Context) error {
			_, err := g.Listen(ctx)
			return err
		},
		Run:         g.Run,
		Stop:        g.Stop,
		StopTimeout: g.cfg.StopTimeout,
	}
}

// newServer makes the HTTP server with every limit set.
func newServer(cfg Config, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: cfg.HeaderTimeout,
		// A body that comes too slowly ends with the request's own deadline.
		ReadTimeout: cfg.RequestTimeout,
		// Room to write the answer of a request that used its whole time.
		WriteTimeout:   cfg.RequestTimeout + cfg.StreamWriteTimeout,
		IdleTimeout:    cfg.IdleTimeout,
		MaxHeaderBytes: cfg.MaxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
