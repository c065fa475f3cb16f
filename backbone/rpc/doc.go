// Package rpc serves and calls gRPC in one way for every service: limits,
// validation, deadlines, panics, tracing and errors are decided here, so that
// a handler holds nothing but its own work.
//
// A [Server] is one grpc-go server with health and reflection. Its services
// are reached over a listener, or from the same process through a [Conn],
// which runs the same interceptors without sockets. [Status] builds the errors
// that a handler answers, [Reason] and its neighbours read them, and [Dial]
// opens a client's connection.
package rpc
