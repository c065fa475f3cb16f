package rpc

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// FuzzRequest sends bytes through all that stands before a handler: they are
// refused as their sender's fault, or they are a message that keeps its rules
// and comes through a Conn unchanged.
func FuzzRequest(f *testing.F) {
	server, err := NewServer(ServerConfig{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("\x0a\x01p\x12\x01c\x1a\x01v"))
	f.Add([]byte("\x0a\x05ab"))
	f.Add([]byte("\x0a\x01\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		request := &votev1.CastVoteRequest{}
		err := open(func(v any) error {
			return newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, v)
		}, request)
		if err == nil {
			err = server.rules.check(request)
		}
		if code := status.Code(err); code != codes.OK && code != codes.InvalidArgument {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		got := &votev1.CastVoteRequest{}
		if _, err := server.encode(request); err != nil {
			t.Fatal("what was decoded cannot be sent:", err)
		}
		if err := assign(got, request); err != nil || !proto.Equal(request, got) {
			t.Fatal("copied to", got, err)
		}
	})
}
