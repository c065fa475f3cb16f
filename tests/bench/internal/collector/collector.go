// Package collector stands in for a collector of spans, so that what is measured
// exports as it does in production.
package collector

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Collector takes spans and forgets them.
type Collector struct {
	server *grpc.Server
	addr   string
}

// Start listens on a port of its own on loopback until Stop.
func Start(ctx context.Context) (*Collector, error) {
	var config net.ListenConfig
	lis, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("collector of spans: %w", err)
	}
	c := &Collector{addr: lis.Addr().String()}
	c.server = grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		// Any message reads as one whose fields are all unknown, and an empty
		// answer says that everything was taken.
		if err := stream.RecvMsg(&emptypb.Empty{}); err != nil {
			return err
		}
		return stream.SendMsg(&emptypb.Empty{})
	}))
	go func() { _ = c.server.Serve(lis) }()
	return c, nil
}

// URL is the address as settings name it.
func (c *Collector) URL() string { return "http://" + c.addr }

// Stop ends it.
func (c *Collector) Stop() { c.server.Stop() }
