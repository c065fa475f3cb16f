package embedded

import (
	"context"
	"fmt"
	"net"
)

// listenLoopback listens on addr and refuses what others can reach: the broker
// has no authentication, and whoever can reach it can write votes. The host is
// resolved by listening, so localhost is judged by what it means here.
func listenLoopback(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err // names the address already
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		_ = ln.Close() // nothing was accepted
		return nil, fmt.Errorf("listening on %s: %w", addr, ErrNotLoopback)
	}
	return ln, nil
}
