package server

import (
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/structpb"

	commonv1 "floodgate.internal/proto/floodgate/common/v1"
)

// redacted stands for a sensitive text.
const redacted = "[redacted]"

// showPayload shows a payload decoded, or the first bytes of one that cannot be.
// Nothing is shown of an event that is larger decoded than maxPayload: its bytes
// would show what is sensitive.
func showPayload(eventType string, value []byte) (decoded *structpb.Struct, raw []byte) {
	tooLarge := len(value) > maxDecoded
	if !tooLarge {
		decoded = decodePayload(eventType, value)
		tooLarge = proto.Size(decoded) > maxPayload
	}
	if decoded != nil && !tooLarge {
		return decoded, nil
	}
	if _, err := newEvent(eventType); err == nil && tooLarge {
		return nil, nil
	}
	return nil, value[:min(len(value), maxPayload)]
}

// maxDecoded bounds what is decoded at all: what is beyond the largest record
// that a service publishes is another framework's, and decoding takes several
// times its size in memory.
const maxDecoded = 2 << 20

// decodePayload shows a payload by its event type, sensitive fields redacted;
// without a type that is known, the JSON object that it may be. nil where it is
// neither.
func decodePayload(eventType string, value []byte) *structpb.Struct {
	m, err := newEvent(eventType)
	if err != nil {
		return asObject(value)
	}
	if proto.Unmarshal(value, m) != nil {
		return nil
	}
	redact(m.ProtoReflect())
	text, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil
	}
	return asObject(text)
}

// newEvent answers an empty message of that full name.
func newEvent(name string) (proto.Message, error) {
	found, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	return found.New().Interface(), nil
}

func asObject(text []byte) *structpb.Struct {
	var object structpb.Struct
	if len(text) == 0 || protojson.Unmarshal(text, &object) != nil {
		return nil
	}
	return &object
}

// redact blanks every field that is marked sensitive, however deep. Texts keep a
// mark in their place; what else is marked is cleared. Fields that nobody knows
// are dropped, as nobody knows what is in them.
func redact(m protoreflect.Message) {
	m.SetUnknown(nil)
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case sensitive(field) && field.Kind() == protoreflect.StringKind && !field.IsList() && !field.IsMap():
			m.Set(field, protoreflect.ValueOfString(redacted))
		case sensitive(field):
			m.Clear(field)
		case field.IsMap():
			if field.MapValue().Message() != nil {
				value.Map().Range(func(_ protoreflect.MapKey, one protoreflect.Value) bool {
					redact(one.Message())
					return true
				})
			}
		case field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				redact(value.List().Get(i).Message())
			}
		default:
			redact(value.Message())
		}
		return true
	})
}

func sensitive(field protoreflect.FieldDescriptor) bool {
	marked, _ := proto.GetExtension(field.Options(), commonv1.E_Sensitive).(bool)
	return marked
}
