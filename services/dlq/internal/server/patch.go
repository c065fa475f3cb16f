package server

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
)

// patcher sets fields of a message by their JSON names, as RFC 7396 merges: null
// clears a field, an object goes into the message that is there field by field,
// and anything else, a list as a whole, takes the place of what was there. It
// goes on behind a fault, so that every one is named.
type patcher struct {
	wrong []*errdetails.BadRequest_FieldViolation
}

// maxPatchDepth bounds how deep messages stand in each other: protobuf's own is
// 10,000, which no event has and a stack should not.
const maxPatchDepth = 32

func (p *patcher) fault(path, what string) {
	p.wrong = append(p.wrong, &errdetails.BadRequest_FieldViolation{Field: path, Description: what})
}

// message patches one, whose own path is path.
func (p *patcher) message(m protoreflect.Message, patch *structpb.Struct, path string, depth int) {
	if depth > maxPatchDepth {
		p.fault(path, "is too deep")
		return
	}
	given := map[protoreflect.FieldNumber]bool{}
	for _, name := range slices.Sorted(maps.Keys(patch.GetFields())) {
		at := path + "." + name
		field := fieldNamed(m, name)
		switch {
		case field == nil:
			p.fault(at, complaint(m, name))
		case given[field.Number()]:
			p.fault(at, "is given twice, by both of its names")
		default:
			given[field.Number()] = true
			p.field(m, field, name, patch.GetFields()[name], at, depth)
		}
	}
}

// field patches one field by a value.
func (p *patcher) field(m protoreflect.Message, field protoreflect.FieldDescriptor, name string, v *structpb.Value, at string, depth int) {
	object := v.GetStructValue()
	switch _, null := v.GetKind().(*structpb.Value_NullValue); {
	case null || v.GetKind() == nil:
		m.Clear(field)
	case field.IsMap() && object != nil:
		p.entries(m, field, name, object, at)
	case merges(field) && object != nil:
		p.message(m.Mutable(field).Message(), object, at, depth+1)
	default:
		one, ok := parsed(m, field, name, v)
		if !ok {
			p.fault(at, complaint(m, name))
			return
		}
		if one.IsValid() {
			m.Set(field, one)
		} else {
			m.Clear(field)
		}
	}
}

// entries patches a map: null removes a key, anything else sets it.
func (p *patcher) entries(m protoreflect.Message, field protoreflect.FieldDescriptor, name string, object *structpb.Struct, at string) {
	for _, key := range slices.Sorted(maps.Keys(object.GetFields())) {
		v := object.GetFields()[key]
		_, null := v.GetKind().(*structpb.Value_NullValue)
		if null { // by its key alone: a value of the map's kind goes with it
			v = zeroOf(field.MapValue())
		}
		entry, ok := parsed(m, field, name, structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{key: v}}))
		if !ok {
			p.fault(at+"."+key, "must be a key and a valid "+kindOf(field.MapValue()))
			continue
		}
		into := m.Mutable(field).Map()
		entry.Map().Range(func(k protoreflect.MapKey, one protoreflect.Value) bool {
			if null {
				into.Clear(k)
			} else {
				into.Set(k, one)
			}
			return true
		})
	}
}

// zeroOf is a value that every field of the kind takes.
func zeroOf(field protoreflect.FieldDescriptor) *structpb.Value {
	switch field.Kind() {
	case protoreflect.StringKind, protoreflect.BytesKind:
		return structpb.NewStringValue("")
	case protoreflect.BoolKind:
		return structpb.NewBoolValue(false)
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return structpb.NewStructValue(&structpb.Struct{})
	default:
		return structpb.NewNumberValue(0)
	}
}

// merges says that a field is a message which a patch goes into. Those that JSON
// writes as something else (a time, a duration, any JSON) are set as a whole.
func merges(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && !field.IsList() && !field.IsMap() &&
		field.Message().FullName().Parent() != "google.protobuf"
}

// parsed reads a value as the field's, by protobuf's own rules for JSON. It is not
// valid where it is the same as none: an empty list, a zero.
func parsed(m protoreflect.Message, field protoreflect.FieldDescriptor, name string, v *structpb.Value) (protoreflect.Value, bool) {
	text, err := protojson.Marshal(&structpb.Struct{Fields: map[string]*structpb.Value{name: v}})
	if err != nil {
		return protoreflect.Value{}, false
	}
	part := m.New()
	if protojson.Unmarshal(text, part.Interface()) != nil {
		return protoreflect.Value{}, false
	}
	if !part.Has(field) {
		return protoreflect.Value{}, true
	}
	return part.Get(field), knownEnums(field, part.Get(field))
}

// knownEnums says that no enum has a number without a name: protobuf's JSON takes
// any number, which a handler would not know.
func knownEnums(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	if field.Kind() != protoreflect.EnumKind {
		return true
	}
	known := func(one protoreflect.Value) bool { return field.Enum().Values().ByNumber(one.Enum()) != nil }
	if !field.IsList() {
		return known(v)
	}
	for i := range v.List().Len() {
		if !known(v.List().Get(i)) {
			return false
		}
	}
	return true
}

func fieldNamed(m protoreflect.Message, name string) protoreflect.FieldDescriptor {
	if field := m.Descriptor().Fields().ByJSONName(name); field != nil {
		return field
	}
	return m.Descriptor().Fields().ByTextName(name)
}

// kindOf is what a field holds, in words.
func kindOf(field protoreflect.FieldDescriptor) string {
	switch field.Kind() {
	case protoreflect.EnumKind:
		var names []string
		for i := range field.Enum().Values().Len() {
			names = append(names, string(field.Enum().Values().Get(i).Name()))
		}
		return "one of " + strings.Join(names, ", ")
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return string(field.Message().FullName())
	default:
		return field.Kind().String()
	}
}
