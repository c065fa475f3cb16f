package server

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	commonv1 "floodgate.internal/proto/floodgate/common/v1"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// secretive answers a message type with a sensitive field of each form: at the
// top, in a message below, in a list, and a number.
func secretive(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	field := func(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type, list, hidden bool) *descriptorpb.FieldDescriptorProto {
		f := &descriptorpb.FieldDescriptorProto{Name: &name, Number: &number, Type: &kind, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
		if list {
			f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		}
		if kind == descriptorpb.FieldDescriptorProto_TYPE_MESSAGE {
			f.TypeName = new(".test.Card")
		}
		if hidden {
			f.Options = &descriptorpb.FieldOptions{}
			proto.SetExtension(f.Options, commonv1.E_Sensitive, true)
		}
		return f
	}
	const text, number, message = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_INT64, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("test.proto"), Package: new("test"), Syntax: new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: new("Card"), Field: []*descriptorpb.FieldDescriptorProto{
				field("holder", 1, text, false, false), field("number", 2, text, false, true), field("pin", 3, number, false, true),
				field("phones", 4, text, true, true), field("linked", 5, message, false, false), field("others", 6, message, true, false),
			},
		}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages().Get(0)
}

// However deep it stands, what is marked sensitive is not shown, and all else is.
func TestSensitiveFieldsAreRedacted(t *testing.T) {
	t.Parallel()
	m := dynamicpb.NewMessage(secretive(t))
	const card = `{"holder":"anna","number":"SECRET","pin":"4711","phones":["SECRET"]`
	if err := protojson.Unmarshal([]byte(card+`,"linked":`+card+`},"others":[`+card+`},`+card+`}]}`), m); err != nil {
		t.Fatal(err)
	}
	m.SetUnknown(protoreflect.RawFields{0x7a, 6, 'S', 'E', 'C', 'R', 'E', 'T'})
	redact(m)
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "SECRET") || strings.Contains(string(text), "4711") || len(m.GetUnknown()) != 0 {
		t.Errorf("shown: %s", text)
	}
	if strings.Count(string(text), "anna") != 4 || strings.Count(string(text), redacted) != 4 {
		t.Errorf("hidden: %s", text)
	}
}

// A payload is redacted before it is shown, not only where somebody thinks of it.
func TestASensitivePayloadIsShownRedacted(t *testing.T) {
	t.Parallel()
	card := dynamicpb.NewMessageType(secretive(t))
	if _, err := protoregistry.GlobalTypes.FindMessageByName("test.Card"); err != nil { // not a second run
		if err := protoregistry.GlobalTypes.RegisterMessage(card); err != nil {
			t.Fatal(err)
		}
	}
	m := card.New().Interface()
	if err := protojson.Unmarshal([]byte(`{"holder":"anna","number":"SECRET"}`), m); err != nil {
		t.Fatal(err)
	}
	value, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	shown := decodePayload("test.Card", value).GetFields()
	if shown["holder"].GetStringValue() != "anna" || shown["number"].GetStringValue() != redacted {
		t.Errorf("shown: %v", shown)
	}
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	vote, err := proto.Marshal(&votev1.VoteCast{PollId: "final"})
	if err != nil {
		t.Fatal(err)
	}
	const voteType = "floodgate.vote.v1.VoteCast"
	for name, tt := range map[string]struct {
		eventType string
		value     []byte
		want      string
	}{
		"by its type":                 {voteType, vote, "final"},
		"of its type, and broken":     {voteType, []byte{0xff}, ""},
		"JSON of a type, but not it":  {voteType, []byte(`{"pollId":"final"}`), ""},
		"JSON without a type":         {"", []byte(`{"pollId":"final"}`), "final"},
		"JSON of a type nobody knows": {"com.example.Order", []byte(`{"pollId":"final"}`), "final"},
		"neither":                     {"", []byte{0xff, 0x00}, ""},
		"JSON, but no object":         {"", []byte(`["final"]`), ""},
		"a tombstone":                 {"", nil, ""},
		"a name that is no type's":    {"not a name", vote, ""},
	} {
		got := decodePayload(tt.eventType, tt.value)
		if got.GetFields()["pollId"].GetStringValue() != tt.want || (tt.want == "") != (got == nil) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzDecodePayload: a payload is bytes from anywhere under any name.
func FuzzDecodePayload(f *testing.F) {
	f.Add("floodgate.vote.v1.VoteCast", []byte{0x0a, 1, 'p'})
	f.Add("google.protobuf.Any", []byte{0x0a, 0})
	f.Add("", []byte(`{"a":{"b":[1,null]}}`))
	f.Fuzz(func(t *testing.T, eventType string, value []byte) {
		if got := decodePayload(eventType, value); got != nil {
			if _, err := protojson.Marshal(got); err != nil {
				t.Errorf("%q as %q cannot be shown: %v", value, eventType, err)
			}
		}
	})
}
