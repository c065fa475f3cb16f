// Package route reads the google.api.http rules of a service's descriptor into
// a table: which paths there are, which methods each allows, which query
// parameters a method takes and with which status it answers. grpc-gateway's
// own mux knows the same paths but not these answers.
package route

import (
	"fmt"
	"net/http"
	"slices"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Route is one method on one path. It is read only.
type Route struct {
	// Method is the HTTP method.
	Method string
	// Pattern is the path template as the .proto has it: the http.route of
	// traces and metrics.
	Pattern string
	// Span is the name of the route's server span: method and pattern.
	Span string
	// RPC is the full gRPC method, with a leading slash.
	RPC string
	// Input is the request message.
	Input protoreflect.MessageDescriptor
	// HasBody says that the request message is read from the body.
	HasBody bool
	// Stream says that the answer is a stream of messages.
	Stream bool
	// bound are the fields taken from the path, never query parameters; "" for a
	// segment that is none.
	bound []string
}

// Parameter answers the field that a query parameter sets, by its JSON or its
// proto name; nil where the route takes no such parameter.
func (r *Route) Parameter(name string) protoreflect.FieldDescriptor {
	if r.HasBody {
		return nil
	}
	fields := r.Input.Fields()
	field := fields.ByJSONName(name)
	if field == nil {
		field = fields.ByTextName(name)
	}
	if field == nil || slices.Contains(r.bound, string(field.Name())) {
		return nil
	}
	return field
}

// newRoute reads one rule of one RPC.
func newRoute(method protoreflect.MethodDescriptor, rule *annotations.HttpRule) (*Route, error) {
	verb, pattern := verbOf(rule)
	if verb == "" {
		return nil, fmt.Errorf("route %s: a custom HTTP method is not supported", method.FullName())
	}
	if body := rule.GetBody(); body != "" && body != "*" {
		return nil, fmt.Errorf("route %s: body %q: only the whole message can be the body", method.FullName(), body)
	}
	_, names, _ := parse(pattern)
	return &Route{
		Method:  verb,
		Pattern: pattern,
		Span:    verb + " " + pattern,
		RPC:     fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()),
		Input:   method.Input(),
		HasBody: rule.GetBody() == "*",
		Stream:  method.IsStreamingServer(),
		bound:   names,
	}, nil
}

// verbOf answers the rule's HTTP method and path.
func verbOf(rule *annotations.HttpRule) (method, path string) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get
	case *annotations.HttpRule_Put:
		return http.MethodPut, p.Put
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, p.Patch
	default:
		return "", ""
	}
}

// rules lists an RPC's rule and its additional ones; none where it has no REST
// path.
func rules(method protoreflect.MethodDescriptor) []*annotations.HttpRule {
	rule, ok := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok || rule == nil {
		return nil
	}
	return append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...)
}
