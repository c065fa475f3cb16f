package castvote

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// collector takes spans and forgets them, so that the service exports as it
// does in production.
type collector struct {
	server *grpc.Server
	addr   string
}

func startCollector(ctx context.Context) (*collector, error) {
	var config net.ListenConfig
	lis, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("collector of spans: %w", err)
	}
	c := &collector{addr: lis.Addr().String()}
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

func (c *collector) url() string { return "http://" + c.addr }

func (c *collector) stop() { c.server.Stop() }
