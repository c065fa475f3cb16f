package server

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Ingest takes a client's own failure: an event that it could not hand in. It is
// checked as the RPC that would have taken the event checks it, and carries the
// id that the event would have carried, so that a replay of one that had gone
// through counts nothing twice (SEMANTICS 1 and 20).
func (s *Server) Ingest(ctx context.Context, req *dlqv1.IngestRequest) (*dlqv1.IngestResponse, error) {
	how, reportable := topics.ReportOf(req.GetTopic())
	if !reportable {
		return nil, rpc.Status(codes.InvalidArgument, "TOPIC_NOT_REPORTABLE", "topic: takes no clients' reports", nil,
			rpc.BadField("topic", "must be a topic that takes clients' reports")).Err()
	}
	event, err := s.eventOf(how, req)
	if err != nil {
		return nil, err
	}
	key, eventID := identityOf(how, event)
	if req.Key != nil && req.GetKey() != string(key) {
		return nil, badField("key", "must be the event's ordering key, or absent")
	}
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(event)
	if err != nil {
		return nil, badField("payload", "cannot be encoded")
	}
	occurred := time.Now()
	if req.GetOccurredAt() != nil && req.GetOccurredAt().AsTime().Before(occurred) {
		occurred = req.GetOccurredAt().AsTime()
	}
	id, err := s.desk.Report(ctx, redrive.Report{
		Service: req.GetService(), Topic: req.GetTopic(), Key: key, Event: value, EventType: how.Event,
		EventID: eventID, Class: req.GetErrorClass(), Message: req.GetErrorMessage(),
		OccurredAt: occurred.UnixMicro(),
	})
	if err != nil {
		return nil, statusOf(err, map[string]string{"eventId": req.GetEventId()})
	}
	return &dlqv1.IngestResponse{FailureId: id}, nil
}

// eventOf reads the payload as the topic's event, and holds it against the rules
// of its schema. A payload that leaves out the id takes it from eventId. Errors
// are INVALID_ARGUMENT and name every field that is wrong.
func (s *Server) eventOf(how topics.Report, req *dlqv1.IngestRequest) (proto.Message, error) {
	event, err := newEvent(how.Event)
	if err != nil {
		return nil, err
	}
	if err := setFields(event.ProtoReflect(), req.GetPayload()); err != nil {
		return nil, err
	}
	id := event.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(how.ID))
	switch fieldText(event, how.ID) {
	case "":
		event.ProtoReflect().Set(id, protoreflect.ValueOfString(req.GetEventId()))
	case req.GetEventId():
	default:
		return nil, badField("payload."+id.JSONName(), "must be the eventId")
	}
	if err := s.rules.Check(event); err != nil {
		return nil, below("payload", err)
	}
	return event, nil
}

// setFields sets a message's fields one by one, so that each that is wrong is
// named.
func setFields(m protoreflect.Message, payload *structpb.Struct) error {
	var wrong []*errdetails.BadRequest_FieldViolation
	for _, name := range slices.Sorted(maps.Keys(payload.GetFields())) {
		one := &structpb.Struct{Fields: map[string]*structpb.Value{name: payload.GetFields()[name]}}
		text, err := protojson.Marshal(one)
		if err == nil {
			part := m.New().Interface()
			if err = protojson.Unmarshal(text, part); err == nil {
				proto.Merge(m.Interface(), part)
				continue
			}
		}
		wrong = append(wrong, &errdetails.BadRequest_FieldViolation{Field: "payload." + name, Description: complaint(m, name)})
	}
	if len(wrong) == 0 {
		return nil
	}
	return invalid(wrong)
}

// complaint says what a field of the payload should be.
func complaint(m protoreflect.Message, name string) string {
	field := fieldNamed(m, name)
	if field == nil {
		return "is no field of " + string(m.Descriptor().FullName())
	}
	switch {
	case field.IsMap():
		return "must be an object of " + kindOf(field.MapValue())
	case field.IsList():
		return "must be a list of " + kindOf(field)
	case field.Kind() == protoreflect.EnumKind:
		return "must be " + kindOf(field)
	}
	return "must be a valid " + kindOf(field)
}

// below puts the fields that an error blames below a path.
func below(path string, err error) error {
	violations := rpc.FieldViolations(err)
	if len(violations) == 0 {
		return err
	}
	for _, v := range violations {
		v.Field = path + "." + v.GetField()
	}
	return invalid(violations)
}

func invalid(violations []*errdetails.BadRequest_FieldViolation) error {
	var fields []string
	for _, v := range violations {
		fields = append(fields, v.GetField()+": "+v.GetDescription())
	}
	return rpc.Status(codes.InvalidArgument, rpc.ReasonInvalidField, strings.Join(fields, "; "), nil,
		&errdetails.BadRequest{FieldViolations: violations}).Err()
}

// fieldText answers a field of text by its protobuf name; "" for any other.
func fieldText(m proto.Message, name string) string {
	field := m.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(name))
	if field == nil || field.Kind() != protoreflect.StringKind || field.IsList() {
		return ""
	}
	return m.ProtoReflect().Get(field).String()
}
