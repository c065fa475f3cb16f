package rpc

import (
	"math"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// callOptions is what the grpc.CallOptions of one call of a Conn ask for.
type callOptions struct {
	headerTo, trailerTo []*metadata.MD
	onFinish            []func(error)
	maxRecv, maxSend    int // of the caller, in bytes
}

// read takes the options in. One that would change the call and cannot be
// kept is refused rather than dropped.
func (o *callOptions) read(opts []grpc.CallOption) error {
	// grpc-go's client takes 4 MiB and sends any size.
	o.maxRecv, o.maxSend = DefaultMaxSendBytes, math.MaxInt
	for _, opt := range opts {
		switch opt := opt.(type) {
		case grpc.HeaderCallOption:
			o.headerTo = append(o.headerTo, opt.HeaderAddr)
		case grpc.TrailerCallOption:
			o.trailerTo = append(o.trailerTo, opt.TrailerAddr)
		case grpc.PeerCallOption:
			*opt.PeerAddr = peer.Peer{Addr: localAddr{}}
		case grpc.OnFinishCallOption:
			o.onFinish = append(o.onFinish, opt.OnFinish)
		case grpc.MaxRecvMsgSizeCallOption:
			o.maxRecv = opt.MaxRecvMsgSize
		case grpc.MaxSendMsgSizeCallOption:
			o.maxSend = opt.MaxSendMsgSize
		case grpc.FailFastCallOption, grpc.StaticMethodCallOption, grpc.EmptyCallOption,
			grpc.CompressorCallOption, grpc.MaxRetryRPCBufferSizeCallOption:
			// Nothing to wait for, to compress or to send again here.
		default:
			return status.Errorf(codes.Unimplemented, "call option %T is not supported in process", opt)
		}
	}
	return nil
}

// localAddr is both ends of a Conn.
type localAddr struct{}

// Network is the name of the network, as in net.Addr.
func (localAddr) Network() string { return "local" }

// String is the address.
func (localAddr) String() string { return "local" }
