package edge

import (
	"maps"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"floodgate.internal/backbone/rpc"
	"floodgate.internal/services/gateway/internal/route"
	"floodgate.internal/services/gateway/internal/statusjson"
)

// checkQuery refuses what grpc-gateway would ignore: parameters that the route
// does not know, or knows only in its path or body. It also tries each value,
// so that the refusal names the parameter.
func checkQuery(target *route.Route, raw string) *status.Status {
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return rpc.Status(codes.InvalidArgument, statusjson.ReasonMalformedRequest, "the query cannot be read", nil)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if st := checkParameter(target, name, values[name]); st != nil {
			return st
		}
	}
	return nil
}

// checkParameter judges one parameter.
func checkParameter(target *route.Route, name string, values []string) *status.Status {
	field := target.Parameter(name)
	if field == nil {
		return rpc.Status(codes.InvalidArgument, statusjson.ReasonUnknownParameter,
			"unknown query parameter: "+printable(name), nil, rpc.BadField(printable(name), "unknown query parameter"))
	}
	if len(values) > 1 && !field.IsList() {
		return invalidParameter(name, "must be given once")
	}
	for _, value := range values {
		if !utf8.ValidString(value) {
			return invalidParameter(name, "is not valid UTF-8")
		}
		scratch := dynamicpb.NewMessage(target.Input)
		if err := runtime.PopulateFieldFromPath(scratch, string(field.Name()), value); err != nil {
			return invalidParameter(name, "must be "+wordOf(field))
		}
	}
	return nil
}

// invalidParameter is 400 that names the parameter.
func invalidParameter(name, description string) *status.Status {
	return rpc.Status(codes.InvalidArgument, statusjson.ReasonInvalidParameter,
		name+" "+description, nil, rpc.BadField(name, description))
}

// wordOf names what a parameter takes.
func wordOf(field protoreflect.FieldDescriptor) string {
	return "a valid " + field.Kind().String()
}

// printable makes a name from outside fit for a protobuf string.
func printable(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return "(not UTF-8)"
}
