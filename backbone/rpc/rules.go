package rpc

import (
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// maxFullReport is the size of a request in bytes up to which every violation
// is looked for. In a larger one the first must do: a MiB of bad elements would
// cost a hundred times its size in violations.
const maxFullReport = 16 << 10

// rules holds messages against the protovalidate rules of their schema. Safe
// for concurrent use.
type rules struct {
	validator protovalidate.Validator
}

// newRules builds the one validator of a server.
func newRules() (*rules, error) {
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("build the validator: %w", err)
	}
	return &rules{validator: validator}, nil
}

// warm compiles the rules of every request of a service, so that no caller
// waits for it and a rule that does not compile is known at start. Services
// without a linked descriptor are compiled at their first call.
func (r *rules) warm(service string) error {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	sd, ok := found.(protoreflect.ServiceDescriptor)
	if err != nil || !ok {
		return nil //nolint:nilerr // see above: nothing to warm
	}
	for i := range sd.Methods().Len() {
		input := sd.Methods().Get(i).Input()
		kind, err := protoregistry.GlobalTypes.FindMessageByName(input.FullName())
		if err != nil {
			continue
		}
		var violated *protovalidate.ValidationError
		err = r.validator.Validate(kind.New().Interface(), protovalidate.WithFailFast())
		if err != nil && !errors.As(err, &violated) {
			return fmt.Errorf("compile the rules of %s: %w", input.FullName(), err)
		}
	}
	return nil
}

// check answers INVALID_ARGUMENT with the violated rules of v, nil where it
// keeps them all or is no protobuf message.
func (r *rules) check(v any) error {
	message, ok := v.(proto.Message)
	if !ok {
		return nil
	}
	err := r.validator.Validate(message, protovalidate.WithFailFast())
	if err == nil {
		return nil
	}
	if proto.Size(message) <= maxFullReport {
		err = r.validator.Validate(message)
	}
	var violated *protovalidate.ValidationError
	if !errors.As(err, &violated) {
		return fmt.Errorf("apply the rules of %s: %w", message.ProtoReflect().Descriptor().FullName(), err)
	}
	return invalidField(message.ProtoReflect().Descriptor(), violated.Violations)
}
