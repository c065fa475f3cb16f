package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"floodgate.internal/services/dlq/internal/letter"
)

// order answers a message type with a field of each form.
func order(t testing.TB) protoreflect.MessageDescriptor {
	t.Helper()
	var file descriptorpb.FileDescriptorProto
	err := prototext.Unmarshal([]byte(`name: "order.proto" package: "test" syntax: "proto3"
dependency: "floodgate/common/v1/access.proto" dependency: "google/protobuf/timestamp.proto"
enum_type { name: "Color" value { name: "NONE" number: 0 } value { name: "RED" number: 1 } value { name: "BLUE" number: 2 } }
message_type { name: "Place"
  field { name: "town" json_name: "town" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "door_code" json_name: "doorCode" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL options { [floodgate.common.v1.sensitive]: true } }
  field { name: "within" json_name: "within" number: 3 type: TYPE_MESSAGE type_name: ".test.Place" label: LABEL_OPTIONAL }
}
message_type { name: "Order"
  field { name: "full_name" json_name: "fullName" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "count" json_name: "count" number: 2 type: TYPE_INT64 label: LABEL_OPTIONAL }
  field { name: "color" json_name: "color" number: 3 type: TYPE_ENUM type_name: ".test.Color" label: LABEL_OPTIONAL }
  field { name: "rush" json_name: "rush" number: 4 type: TYPE_BOOL label: LABEL_OPTIONAL }
  field { name: "tags" json_name: "tags" number: 5 type: TYPE_STRING label: LABEL_REPEATED }
  field { name: "home" json_name: "home" number: 6 type: TYPE_MESSAGE type_name: ".test.Place" label: LABEL_OPTIONAL }
  field { name: "stops" json_name: "stops" number: 7 type: TYPE_MESSAGE type_name: ".test.Place" label: LABEL_REPEATED }
  field { name: "stock" json_name: "stock" number: 8 type: TYPE_MESSAGE type_name: ".test.Order.StockEntry" label: LABEL_REPEATED }
  field { name: "card" json_name: "card" number: 9 type: TYPE_STRING label: LABEL_OPTIONAL options { [floodgate.common.v1.sensitive]: true } }
  field { name: "due" json_name: "due" number: 10 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
  field { name: "colors" json_name: "colors" number: 11 type: TYPE_ENUM type_name: ".test.Color" label: LABEL_REPEATED }
  nested_type { name: "StockEntry" options { map_entry: true }
    field { name: "key" json_name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" json_name: "value" number: 2 type: TYPE_INT64 label: LABEL_OPTIONAL } }
}`), &file)
	if err != nil {
		t.Fatal(err)
	}
	made, err := protodesc.NewFile(&file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return made.Messages().ByName("Order")
}

// read answers a message from JSON.
func read(t interface{ Fatal(args ...any) }, of protoreflect.MessageDescriptor, text string) protoreflect.Message {
	m := dynamicpb.NewMessage(of)
	if err := protojson.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err, text)
	}
	return m
}

func patchText(t interface{ Fatal(args ...any) }, text string) *structpb.Struct {
	var s structpb.Struct
	if err := protojson.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err, text)
	}
	return &s
}

const before = `{"fullName":"Anna","count":"3","color":"RED","tags":["a","b"],"home":{"town":"Ulm","doorCode":"SECRET1"},
"stops":[{"town":"Bonn","doorCode":"SECRET2"}],"stock":{"x":"1","y":"2"},"card":"SECRET3","due":"2026-01-01T00:00:00Z"}`

// Each form of change, and what its diff says.
func TestPatches(t *testing.T) {
	t.Parallel()
	of := order(t)
	for name, tc := range map[string]struct {
		patch string
		diff  []string
	}{
		"a text":                  {`{"fullName":"Ben"}`, []string{`fullName: "Anna" → "Ben"`}},
		"by its protobuf name":    {`{"full_name":"Ben"}`, []string{`fullName: "Anna" → "Ben"`}},
		"cleared":                 {`{"fullName":null}`, []string{`fullName: "Anna" → (none)`}},
		"set from nothing":        {`{"rush":true}`, []string{`rush: (none) → true`}},
		"the same":                {`{"fullName":"Anna","count":3,"tags":["a","b"]}`, nil},
		"a number, as JSON":       {`{"count":7}`, []string{`count: "3" → "7"`}},
		"a number, as text":       {`{"count":"7"}`, []string{`count: "3" → "7"`}},
		"an enum":                 {`{"color":"BLUE"}`, []string{`color: "RED" → "BLUE"`}},
		"an enum, by number":      {`{"color":2}`, []string{`color: "RED" → "BLUE"`}},
		"a list":                  {`{"tags":["c"]}`, []string{`tags: ["a","b"] → ["c"]`}},
		"an empty list":           {`{"tags":[]}`, []string{`tags: ["a","b"] → (none)`}},
		"below":                   {`{"home":{"town":"Hof"}}`, []string{`home.town: "Ulm" → "Hof"`}},
		"cleared below":           {`{"home":{"town":null}}`, []string{`home.town: "Ulm" → (none)`}},
		"far below":               {`{"home":{"within":{"within":{"town":"Hof"}}}}`, []string{`home.within: (none) → {"within":{"town":"Hof"}}`}},
		"a message cleared":       {`{"home":null}`, []string{`home: {"town":"Ulm","doorCode":"[redacted]"} → (none)`}},
		"a message list":          {`{"stops":[]}`, []string{`stops: [{"town":"Bonn","doorCode":"[redacted]"}] → (none)`}},
		"a key of a map":          {`{"stock":{"x":5}}`, []string{`stock: {"x":"1","y":"2"} → {"x":"5","y":"2"}`}},
		"a key of a map, cleared": {`{"stock":{"y":null}}`, []string{`stock: {"x":"1","y":"2"} → {"x":"1"}`}},
		"a time":                  {`{"due":"2027-01-01T00:00:00Z"}`, []string{`due: "2026-01-01T00:00:00Z" → "2027-01-01T00:00:00Z"`}},
		"sensitive":               {`{"card":"SECRET9","home":{"doorCode":"SECRET8"}}`, []string{`card: [redacted] → [redacted]`, `home.doorCode: [redacted] → [redacted]`}},
		"several":                 {`{"tags":["c"],"fullName":"Ben"}`, []string{`fullName: "Anna" → "Ben"`, `tags: ["a","b"] → ["c"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			was, is := read(t, of, before), read(t, of, before)
			var p patcher
			p.message(is, patchText(t, tc.patch), "patch", 0)
			if len(p.wrong) > 0 {
				t.Fatal(p.wrong)
			}
			lines := diff(was, is, "")
			if d := cmp.Diff(tc.diff, lines); d != "" {
				t.Errorf("diff (-want +got):\n%s", d)
			}
			if strings.Contains(strings.Join(lines, ""), "SECRET") {
				t.Errorf("what is sensitive is shown: %q", lines)
			}
		})
	}
}

// Every fault is named with its field and its rule, and the good fields beside it
// are no excuse.
func TestBadPatches(t *testing.T) {
	t.Parallel()
	of := order(t)
	for patch, want := range map[string]map[string]string{
		`{"colour":"x"}`: {"patch.colour": "is no field of test.Order"},
		`{"fullName":7,"rush":"yes","count":"many","tags":"a"}`: {
			"patch.fullName": "must be a valid string", "patch.rush": "must be a valid bool", "patch.count": "must be a valid int64", "patch.tags": "must be a list of string",
		},
		`{"color":"GREEN","fullName":"ok"}`: {"patch.color": "must be one of NONE, RED, BLUE"},
		`{"color":7}`:                       {"patch.color": "must be one of NONE, RED, BLUE"},
		`{"colors":["RED",9]}`:              {"patch.colors": "must be a list of one of NONE, RED, BLUE"},
		`{"count":1.5}`:                     {"patch.count": "must be a valid int64"},
		`{"count":9223372036854775808}`:     {"patch.count": "must be a valid int64"},
		`{"home":"Ulm"}`:                    {"patch.home": "must be a valid test.Place"},
		`{"home":{"street":"x","town":1}}`:  {"patch.home.street": "is no field of test.Place", "patch.home.town": "must be a valid string"},
		`{"stops":[{"street":"x"}]}`:        {"patch.stops": "must be a list of test.Place"},
		`{"stock":{"x":"many"}}`:            {"patch.stock.x": "must be a key and a valid int64"},
		`{"stock":[1]}`:                     {"patch.stock": "must be an object of int64"},
		`{"tags":["a",null]}`:               {"patch.tags": "must be a list of string"},
		`{"due":"tomorrow"}`:                {"patch.due": "must be a valid google.protobuf.Timestamp"},
		`{"fullName":"a","full_name":"b"}`:  {"patch.full_name": "is given twice, by both of its names"},
		strings.Repeat(`{"within":`, 40) + `{}` + strings.Repeat(`}`, 40): {},
	} {
		m := read(t, of, before)
		if strings.HasPrefix(patch, `{"within"`) {
			patch = `{"home":` + patch + `}`
			want = map[string]string{"patch.home" + strings.Repeat(".within", maxPatchDepth): "is too deep"}
		}
		var p patcher
		p.message(m, patchText(t, patch), "patch", 0)
		got := map[string]string{}
		for _, v := range p.wrong {
			got[v.GetField()] = v.GetDescription()
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", patch, d)
		}
	}
}

// merged is RFC 7396's own pseudocode.
func merged(target, patch any) any {
	fields, is := patch.(map[string]any)
	if !is {
		return patch
	}
	into, is := target.(map[string]any)
	if !is {
		into = map[string]any{}
	}
	into = maps.Clone(into)
	for name, v := range fields {
		if v == nil {
			delete(into, name)
			continue
		}
		into[name] = merged(into[name], v)
	}
	return into
}

// drawPlace draws a place, or a patch of one: with nulls.
func drawPlace(t *rapid.T, depth int, nulls bool) map[string]any {
	place := map[string]any{}
	put(t, place, "town", nulls, func() any { return rapid.StringMatching("[A-C]").Draw(t, "town") })
	put(t, place, "doorCode", nulls, func() any { return rapid.StringMatching("SECRET[0-9]").Draw(t, "code") })
	if depth > 0 {
		put(t, place, "within", nulls, func() any { return drawPlace(t, depth-1, nulls) })
	}
	return place
}

func put(t *rapid.T, into map[string]any, name string, nulls bool, draw func() any) {
	switch dice := rapid.IntRange(0, 5).Draw(t, name+"?"); {
	case dice < 2:
		into[name] = draw()
	case dice == 2 && nulls:
		into[name] = nil
	}
}

func drawOrder(t *rapid.T, nulls bool) map[string]any {
	o := map[string]any{}
	put(t, o, "fullName", nulls, func() any { return rapid.StringMatching("[a-c]").Draw(t, "name") })
	put(t, o, "count", nulls, func() any { return fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "count")) })
	put(t, o, "color", nulls, func() any { return rapid.SampledFrom([]string{"RED", "BLUE"}).Draw(t, "color") })
	put(t, o, "tags", nulls, func() any { return []any{rapid.StringMatching("[a-c]").Draw(t, "tag")} })
	put(t, o, "home", nulls, func() any { return drawPlace(t, 2, nulls) })
	put(t, o, "stops", nulls, func() any { return []any{drawPlace(t, 1, false)} })
	put(t, o, "stock", nulls, func() any {
		stock := map[string]any{}
		for _, key := range []string{"x", "y"} {
			put(t, stock, key, nulls, func() any { return fmt.Sprint(rapid.IntRange(1, 3).Draw(t, key)) })
		}
		return stock
	})
	return o
}

// differing answers the paths at which two objects of JSON differ: objects are
// gone into where both have one, but for the map.
func differing(a, b map[string]any, path string, into map[string]bool) {
	for _, name := range slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b))) {
		at := strings.TrimPrefix(path+"."+name, ".")
		left, inA := a[name].(map[string]any)
		right, inB := b[name].(map[string]any)
		switch {
		case cmp.Equal(a[name], b[name]):
		case inA && inB && name != "stock":
			differing(left, right, at, into)
		default:
			into[at] = true
		}
	}
}

// A patch does what RFC 7396 says of JSON, and its diff names what differs in the
// JSON of before and after, and nothing sensitive.
func TestAnyPatchAgreesWithANaiveModel(t *testing.T) {
	t.Parallel()
	of := order(t)
	object := func(t *rapid.T, m protoreflect.Message) map[string]any {
		text, err := protojson.Marshal(m.Interface())
		if err != nil {
			t.Fatal(err)
		}
		var o map[string]any
		if err := json.Unmarshal(text, &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	text := func(t *rapid.T, v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	rapid.Check(t, func(t *rapid.T) {
		start, patch := drawOrder(t, false), drawOrder(t, true)
		was, is := read(t, of, text(t, start)), read(t, of, text(t, start))
		var p patcher
		p.message(is, patchText(t, text(t, patch)), "patch", 0)
		want := read(t, of, text(t, merged(start, patch)))
		if len(p.wrong) > 0 || !proto.Equal(is.Interface(), want.Interface()) {
			t.Fatalf("%v by %v is %v, the model says %v; faults %v", start, patch, is, want, p.wrong)
		}
		paths := map[string]bool{}
		differing(object(t, was), object(t, is), "", paths)
		lines := diff(was, is, "")
		got := map[string]bool{}
		for _, line := range lines {
			at, _, _ := strings.Cut(line, ": ")
			got[at] = true
		}
		if d := cmp.Diff(paths, got); d != "" || len(got) != len(lines) {
			t.Fatalf("%v by %v: diff %q (-want +got):\n%s", start, patch, lines, d)
		}
		if strings.Contains(strings.Join(lines, ""), "SECRET") {
			t.Fatalf("what is sensitive is shown: %q", lines)
		}
	})
}

// An edit that names no failure of an event that the catalogue can make is refused
// before anything is looked at.
func TestWhatIsNotEditable(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]letter.Failure{
		"somebody else's topic": {Topic: "orders", EventType: "floodgate.vote.v1.VoteCast", EventID: "e"},
		"another event":         {Topic: "vote.cast", EventType: "floodgate.vote.v1.VotesVoided", EventID: "e"},
		"no event id":           {Topic: "vote.cast", EventType: "floodgate.vote.v1.VoteCast"},
	} {
		if _, _, err := editable(&f, nil); err == nil || !strings.Contains(err.Error(), "catalogue") {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := letter.Failure{Topic: "vote.cast", EventType: "floodgate.vote.v1.VoteCast", EventID: "e"}
	if _, _, err := editable(&f, []byte{0xff}); err == nil || !strings.Contains(err.Error(), "is no floodgate.vote.v1.VoteCast") {
		t.Errorf("not a message: %v", err)
	}
}
