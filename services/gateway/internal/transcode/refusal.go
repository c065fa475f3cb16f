package transcode

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/services/gateway/internal/statusjson"
)

// refuse says what is wrong with a body that could not be decoded, and where:
// the decoder's own error names a position in the text, and no field at all for
// a time or a duration.
func refuse(message proto.Message, data []byte, cause error) *status.Status {
	const code, reason = codes.InvalidArgument, statusjson.ReasonInvalidBody
	if !utf8.Valid(data) {
		return rpc.Status(code, reason, "the body is not valid UTF-8", nil)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return rpc.Status(code, reason, "the body is not one JSON object: "+text(cause), nil)
	}
	path, description := locate(message.ProtoReflect().Descriptor(), members)
	if path == "" {
		path, description = repeated(text(cause))
	}
	if path == "" {
		return rpc.Status(code, reason, "the body cannot be read: "+text(cause), nil)
	}
	return rpc.Status(code, reason, path+": "+description, nil, rpc.BadField(path, description))
}

// contradiction refuses a body that names another resource than its path does:
// grpc-gateway would take the path's word in silence. Nil where they agree.
func contradiction(message proto.Message, params map[string]string) *status.Status {
	m := message.ProtoReflect()
	for name, value := range params {
		field := m.Descriptor().Fields().ByTextName(name)
		if field != nil && m.Has(field) && m.Get(field).String() != value {
			path := field.JSONName()
			return rpc.Status(codes.InvalidArgument, statusjson.ReasonInvalidBody,
				path+": is not the one in the path", nil, rpc.BadField(path, "is not the one in the path"))
		}
	}
	return nil
}

// repeated reads the name of a field that is given twice from the decoder's
// error: each of the two can be decoded by itself.
func repeated(cause string) (path, description string) {
	_, rest, _ := strings.Cut(cause, `duplicate field "`)
	name, _, ok := strings.Cut(rest, `"`)
	if !ok {
		return "", ""
	}
	return name, "is given twice"
}

// locate finds the first member, by name, that cannot be decoded by itself.
func locate(message protoreflect.MessageDescriptor, members map[string]json.RawMessage) (path, description string) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		field := message.Fields().ByJSONName(name)
		if field == nil {
			field = message.Fields().ByTextName(name)
		}
		if field == nil {
			return name, "unknown field"
		}
		err := decodable(message, name, members[name])
		if err == nil {
			continue
		}
		if field.IsList() {
			return locateInList(field, name, members[name])
		}
		return locateInValue(field, name, members[name])
	}
	return "", ""
}

// locateInList goes on in the first element that cannot be decoded.
func locateInList(field protoreflect.FieldDescriptor, name string, raw json.RawMessage) (path, description string) {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return name, "must be a list"
	}
	for i, element := range elements {
		list := json.RawMessage("[" + string(element) + "]")
		if decodable(field.ContainingMessage(), field.JSONName(), list) != nil {
			return locateInValue(field, name+"["+strconv.Itoa(i)+"]", element)
		}
	}
	return name, "cannot be read"
}

// locateInValue goes on inside a message; anything else is where it ends.
func locateInValue(field protoreflect.FieldDescriptor, path string, raw json.RawMessage) (string, string) {
	message := field.Message()
	if message == nil || strings.HasPrefix(string(message.FullName()), "google.protobuf.") {
		return path, "must be " + kindOf(field)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return path, "must be an object"
	}
	inner, description := locate(message, members)
	if inner == "" {
		return path, "cannot be read"
	}
	return path + "." + inner, description
}

// decodable tries one member alone.
func decodable(message protoreflect.MessageDescriptor, name string, raw json.RawMessage) error {
	object := fmt.Appendf(nil, "{%q:%s}", name, raw)
	return protojson.Unmarshal(object, dynamicpb.NewMessage(message))
}

// kindOf names what a field takes, in the words of JSON.
func kindOf(field protoreflect.FieldDescriptor) string {
	switch field.Kind() {
	case protoreflect.StringKind:
		return "a string"
	case protoreflect.BoolKind:
		return "true or false"
	case protoreflect.BytesKind:
		return "a string in base64"
	case protoreflect.EnumKind:
		return "one of the names of " + string(field.Enum().Name())
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return "a number"
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return wellKnown(field.Message().FullName())
	default:
		return "a whole number within " + field.Kind().String()
	}
}

// wellKnown names what a well-known type looks like in JSON.
func wellKnown(name protoreflect.FullName) string {
	switch name {
	case "google.protobuf.Timestamp":
		return `a time as in RFC 3339, such as "2026-01-02T03:04:05Z"`
	case "google.protobuf.Duration":
		return `seconds with an s, such as "60s"`
	default:
		return "a " + string(name)
	}
}

// text is a decoder's error without its prefix, whose spaces the library varies
// on purpose.
func text(err error) string {
	s := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	return strings.TrimSpace(strings.TrimPrefix(s, "proto:"))
}
