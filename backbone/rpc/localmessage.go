package rpc

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// encode answers a message's size in bytes; the error is what keeps it from
// being sent, such as text that is not UTF-8. Encoding into a reused buffer
// tells both, at a third of the price of walking the message by reflection.
func (s *Server) encode(v any) (int, error) {
	message, ok := v.(proto.Message)
	if !ok {
		return 0, fmt.Errorf("%T is not a protobuf message", v)
	}
	buffer, _ := s.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	defer s.buffers.Put(buffer)
	encoded, err := proto.MarshalOptions{}.MarshalAppend((*buffer)[:0], message)
	if err != nil {
		return 0, err // the caller says whose it is
	}
	*buffer = encoded
	return len(encoded), nil
}

// fits holds a message's size against the limits of its receiver and its
// sender, in grpc-go's words.
func fits(size, receiver, sender int) error {
	if size > sender {
		return status.Errorf(codes.ResourceExhausted, "trying to send message larger than max (%d vs. %d)", size, sender)
	}
	if size > receiver {
		return status.Errorf(codes.ResourceExhausted, "grpc: received message larger than max (%d vs. %d)", size, receiver)
	}
	return nil
}

// assign makes to a deep copy of from; both are protobuf messages of one type,
// perhaps one of them dynamic.
func assign(to, from any) error {
	dst, ok1 := to.(proto.Message)
	src, ok2 := from.(proto.Message)
	if !ok1 || !ok2 {
		return status.Errorf(codes.Internal, "cannot copy %T to %T", from, to)
	}
	if dst.ProtoReflect().Descriptor() == src.ProtoReflect().Descriptor() {
		proto.Reset(dst)
		proto.Merge(dst, src)
		return nil
	}
	encoded, err := proto.Marshal(src)
	if err == nil {
		err = proto.Unmarshal(encoded, dst)
	}
	if err != nil {
		return status.Errorf(codes.Internal, "copy %T to %T: %v", from, to, err)
	}
	return nil
}
