package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// absent stands for a field that is not set.
const absent = "(none)"

// maxShown bounds a value in a diff, in bytes.
const maxShown = 256

// diff answers what differs between two messages of one type, a line for each
// field by its JSON path: field, before, after. Messages are gone into, lists and
// maps shown as a whole. Of a sensitive field it says that it changed, and nothing
// else.
func diff(before, after protoreflect.Message, path string) []string {
	var lines []string
	fields := before.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		at := strings.TrimPrefix(path+"."+field.JSONName(), ".")
		switch {
		case same(before, after, field):
		case sensitive(field):
			lines = append(lines, at+": "+redacted+" → "+redacted)
		case merges(field) && before.Has(field) && after.Has(field):
			lines = append(lines, diff(before.Get(field).Message(), after.Get(field).Message(), at)...)
		default:
			lines = append(lines, fmt.Sprintf("%s: %s → %s", at, shown(before, field), shown(after, field)))
		}
	}
	slices.SortStableFunc(lines, cmp.Compare[string])
	return lines
}

func same(a, b protoreflect.Message, field protoreflect.FieldDescriptor) bool {
	return a.Has(field) == b.Has(field) && (!a.Has(field) || a.Get(field).Equal(b.Get(field)))
}

// shown is a field's value as JSON, sensitive fields below it redacted.
func shown(m protoreflect.Message, field protoreflect.FieldDescriptor) string {
	if !m.Has(field) {
		return absent
	}
	alone := proto.Clone(m.Interface()).ProtoReflect()
	alone.Range(func(other protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if other.Number() != field.Number() {
			alone.Clear(other)
		}
		return true
	})
	redact(alone)
	text, err := protojson.Marshal(alone.Interface())
	if err != nil {
		return "(not shown)"
	}
	// The one field of an object, without the spaces that change from build to
	// build.
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil {
		return "(not shown)"
	}
	value, err := json.Marshal(object[field.JSONName()])
	if err != nil {
		return "(not shown)"
	}
	return cut(string(value))
}

// cut bounds a value, never through a character.
func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + fmt.Sprintf("… (%d bytes)", len(s))
}
