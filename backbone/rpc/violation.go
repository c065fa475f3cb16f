package rpc

import (
	"fmt"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The bounds of what is said about a bad request. Details travel in a trailer,
// and gRPC implementations refuse trailers from 8 KiB on.
const (
	maxViolations = 10
	maxWords      = 256
)

// invalidField is the answer to a request of type md that breaks rules.
func invalidField(md protoreflect.MessageDescriptor, violations []*protovalidate.Violation) error {
	bad := &errdetails.BadRequest{}
	for _, v := range violations[:min(len(violations), maxViolations)] {
		bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field:       shorten(jsonPath(md, v.Proto.GetField())),
			Description: shorten(ruleText(v.Proto)),
			Reason:      strings.ToUpper(strings.ReplaceAll(v.Proto.GetRuleId(), ".", "_")),
		})
	}
	text := "the request breaks a rule"
	if len(bad.GetFieldViolations()) > 0 {
		first := bad.GetFieldViolations()[0]
		text = strings.TrimPrefix(first.GetField()+": ", ": ") + first.GetDescription()
	}
	if more := len(violations) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return Status(codes.InvalidArgument, ReasonInvalidField, text, nil, bad).Err()
}

// ruleText says which rule is broken, in words where the rule has any.
func ruleText(v *validate.Violation) string {
	if v.GetMessage() != "" {
		return v.GetMessage()
	}
	return "breaks the rule " + v.GetRuleId()
}

// jsonPath names a field as REST clients know it: "candidates[3].imageUrl".
func jsonPath(md protoreflect.MessageDescriptor, path *validate.FieldPath) string {
	var text strings.Builder
	for i, element := range path.GetElements() {
		if i > 0 {
			text.WriteByte('.')
		}
		name := element.GetFieldName()
		if md != nil {
			field := md.Fields().ByNumber(protoreflect.FieldNumber(element.GetFieldNumber()))
			md = nil
			if field != nil {
				name, md = field.JSONName(), below(field)
			}
		}
		text.WriteString(name)
		text.WriteString(subscript(element))
	}
	return text.String()
}

// below answers the message that a path goes on in after field, nil where it
// ends.
func below(field protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if field.IsMap() {
		return field.MapValue().Message()
	}
	return field.Message()
}

// subscript answers an element's index or key in brackets, "" where it has none.
func subscript(element *validate.FieldPathElement) string {
	switch element.WhichSubscript() {
	case validate.FieldPathElement_Index_case:
		return "[" + strconv.FormatUint(element.GetIndex(), 10) + "]"
	case validate.FieldPathElement_BoolKey_case:
		return "[" + strconv.FormatBool(element.GetBoolKey()) + "]"
	case validate.FieldPathElement_IntKey_case:
		return "[" + strconv.FormatInt(element.GetIntKey(), 10) + "]"
	case validate.FieldPathElement_UintKey_case:
		return "[" + strconv.FormatUint(element.GetUintKey(), 10) + "]"
	case validate.FieldPathElement_StringKey_case:
		return "[" + strconv.Quote(element.GetStringKey()) + "]"
	default:
		return ""
	}
}

// shorten cuts text that a caller may have made long, between characters.
func shorten(text string) string {
	if len(text) <= maxWords {
		return text
	}
	return strings.ToValidUTF8(text[:maxWords], "") + "…"
}
