package embedded

import (
	"context"
	"fmt"
	"net"
)

// listenLoopback listens on addr and refuses what others can reach: the broker
// has no authentication, and whoever can reach it can write votes. The host is
// resolved by listening, so localhost is judged by what it means here. Where
// advertise is not empty, the listener says that it is its address.
func listenLoopback(ctx context.Context, addr, advertise string) (net.Listener, error) {
	var told net.Addr
	if advertise != "" {
		var err error
		if told, err = net.ResolveTCPAddr("tcp", advertise); err != nil {
			return nil, fmt.Errorf("advertised address: %w", err)
		}
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err // names the address already
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		_ = ln.Close() // nothing was accepted
		return nil, fmt.Errorf("listening on %s: %w", addr, ErrNotLoopback)
	}
	if told != nil {
		return advertised{Listener: ln, addr: told}, nil
	}
	return ln, nil
}

// advertised is a listener that is reached at another address than its own.
type advertised struct {
	net.Listener
	addr net.Addr
}

// Addr answers the other address.
func (a advertised) Addr() net.Addr { return a.addr }
