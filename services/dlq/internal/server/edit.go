package server

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// EditAndReplay has an edited event published in the place of one that failed in
// every group, which then is closed in all of them. A dry run answers the same and
// does nothing.
func (s *Server) EditAndReplay(ctx context.Context, req *dlqv1.EditAndReplayRequest) (*dlqv1.EditAndReplayResponse, error) {
	if s.editor == nil {
		return nil, rpc.Status(codes.FailedPrecondition, "EDIT_OFF", "edits are off: the setting --dlq-edit turns them on", named(req)).Err()
	}
	f, original, err := s.editor.Original(ctx, req.GetFailureId())
	if err != nil {
		return nil, statusOf(err, named(req))
	}
	edit, err := s.edited(&f, original, req.GetPatch())
	if err != nil {
		return nil, err
	}
	edit.Actor, edit.Reason = operator, req.GetReason()
	res := &dlqv1.EditAndReplayResponse{EventId: edit.EventID, Diff: edit.Diff}
	if req.GetDryRun() {
		err = s.editor.DryRun(ctx, f, original, edit)
	} else {
		res.ReplayId, err = s.editor.Replace(ctx, f, original, edit)
	}
	if err != nil {
		return nil, s.refused(err, req)
	}
	return res, nil
}

// refused is an edit's error: where a group stands in its way, that is named.
func (*Server) refused(err error, req *dlqv1.EditAndReplayRequest) error {
	metadata := named(req)
	if refusal, ok := errors.AsType[*letter.RefusalError](err); ok {
		metadata["group"] = refusal.Group
	}
	return statusOf(err, metadata)
}

// edited answers a patch's event, checked as a new event of its topic is. Errors
// name every field that is wrong, or why this event cannot be edited at all.
//
// What may change is what the event says. Whose it is stays: an edit must not turn
// one voter's vote into another's. Its id is the edit's, derived from the
// original's, so that the same edit is the same event whoever makes it and however
// often (SEMANTICS 1).
func (s *Server) edited(f *letter.Failure, original letter.Record, patch *structpb.Struct) (redrive.Edit, error) {
	how, event, err := editable(f, original.Value)
	if err != nil {
		return redrive.Edit{}, err
	}
	var p patcher
	before := proto.Clone(event)
	p.message(event.ProtoReflect(), patch, "patch", 0)
	p.keeps(before.ProtoReflect(), event.ProtoReflect(), how.Subject, "must stay: an edit cannot make it somebody else's event")
	p.keeps(before.ProtoReflect(), event.ProtoReflect(), how.ID, "must stay: the edited event gets an id of its own")
	if len(p.wrong) > 0 {
		return redrive.Edit{}, invalid(p.wrong)
	}
	if len(diff(before.ProtoReflect(), event.ProtoReflect(), "")) == 0 {
		return redrive.Edit{}, badField("patch", "changes nothing")
	}
	id := event.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(how.ID))
	event.ProtoReflect().Set(id, protoreflect.ValueOfString(record.EventID("edit", f.EventID).String()))
	if err := s.rules.Check(event); err != nil {
		return redrive.Edit{}, below("patch", err)
	}
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(event)
	if err != nil {
		return redrive.Edit{}, badField("patch", "leaves an event that cannot be encoded")
	}
	key, eventID := identityOf(how, event)
	return redrive.Edit{Key: key, Event: value, EventID: eventID, Diff: diff(before.ProtoReflect(), event.ProtoReflect(), "")}, nil
}

// keeps refuses a patch that changed a field which must stay as it was.
func (p *patcher) keeps(before, after protoreflect.Message, name, why string) {
	field := before.Descriptor().Fields().ByName(protoreflect.Name(name))
	if field != nil && !same(before, after, field) {
		p.fault("patch."+field.JSONName(), why)
	}
}

// editable answers the event of a failure, and how the catalogue derives key and
// identity of its kind: where it does not say so, nobody can make one of that kind
// but its own service.
func editable(f *letter.Failure, value []byte) (topics.Report, proto.Message, error) {
	how, known := topics.ReportOf(f.Topic)
	if !known || how.Event != f.EventType || f.EventID == "" {
		return topics.Report{}, nil, rpc.Status(codes.FailedPrecondition, "NOT_EDITABLE",
			"the catalogue does not say how an event of this topic and type is made", map[string]string{"failureId": f.ID}).Err()
	}
	event, err := newEvent(how.Event)
	if err != nil {
		return topics.Report{}, nil, err
	}
	if err := proto.Unmarshal(value, event); err != nil {
		return topics.Report{}, nil, rpc.Status(codes.FailedPrecondition, "PAYLOAD_UNDECODABLE",
			"the payload is no "+how.Event+", so there is nothing to set fields of", map[string]string{"failureId": f.ID}).Err()
	}
	return how, event, nil
}

// identityOf answers an event's record key and its id.
func identityOf(how topics.Report, event proto.Message) (key []byte, eventID string) {
	field := func(name string) string { return fieldText(event, name) }
	identity := []string{how.Kind}
	for _, name := range how.Identity {
		identity = append(identity, field(name))
	}
	return how.Key(field), record.EventID(identity...).String()
}
