package upstream

import (
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// assignID gives a write without an id the one that the service would have made
// (UUIDv7). Made here, it is known even if the service's answer never comes, so
// that the 503 can name it and the client can repeat the same write.
func assignID(args any) {
	switch request := args.(type) {
	case *votev1.CastVoteRequest:
		if request.VoteId == nil {
			request.VoteId = newID()
		}
	case *votev1.CreatePollRequest:
		if request.PollId == nil {
			request.PollId = newID()
		}
	}
}

// newID answers nil where the system has no randomness to give; the service
// then makes the id, or says so.
func newID() *string {
	id, err := uuid.NewV7()
	if err != nil {
		return nil
	}
	s := id.String()
	return &s
}

// identity lists the ids that a request carries, by their JSON names: what
// names a write towards its client.
func identity(args any) map[string]string {
	message, ok := args.(proto.Message)
	if !ok {
		return nil
	}
	ids := make(map[string]string)
	message.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Kind() == protoreflect.StringKind && !field.IsList() && strings.HasSuffix(string(field.Name()), "_id") {
			ids[field.JSONName()] = value.String()
		}
		return true
	})
	return ids
}
