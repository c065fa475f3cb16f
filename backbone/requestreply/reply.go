package requestreply

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"floodgate.internal/backbone/record"
)

// Reply is what a worker answered.
type Reply struct {
	// Record is the reply as it stands in the log.
	Record *record.Record
	// Message is its value by its event type; nil where it cannot be decoded.
	Message proto.Message
	// CausationID is the event id of the request that it answers, empty where the
	// worker named none: what a late reply is settled by.
	CausationID string
}

// decode reads a reply by the type in its header. A type that this program does
// not know is as unreadable as broken bytes; the record is answered all the same.
func decode(r *record.Record) (Reply, error) {
	reply := Reply{Record: r}
	reply.CausationID, _ = r.Get(record.HeaderCausationID)
	name, _ := r.Get(record.HeaderEventType)
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		return reply, fmt.Errorf("event type %q: %w: %w", name, err, ErrUndecodable)
	}
	message := kind.New().Interface()
	if err := proto.Unmarshal(r.Value, message); err != nil {
		return reply, fmt.Errorf("%s: %w: %w", name, err, ErrUndecodable)
	}
	reply.Message = message
	return reply, nil
}
