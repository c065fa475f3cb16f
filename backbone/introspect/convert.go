package introspect

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/failure"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// Bounds of single texts, in bytes, as the .proto tells them.
const (
	maxKey   = 128
	maxStack = 8 << 10
	maxText  = 1 << 10 // errors, values, steps
)

func claimMessage(now time.Time, c Claim, b busy) *opsv1.ClaimState {
	out := &opsv1.ClaimState{
		Group: c.Group, Topic: c.Topic, Partition: c.Partition, Generation: c.Generation, Start: c.Start, Next: c.Next,
		State: claimState(c.State), Since: timestamp(c.Since), Error: classified(c.Err), CommitError: reason(c.CommitErr),
		InFlight: b.count,
	}
	if b.count > 0 {
		b.oldest.Stack = ""
		out.Oldest = inFlightMessage(now, b.oldest)
	}
	return out
}

// claimState is a state by its name; unspecified where the contract has none.
func claimState(name string) opsv1.ClaimState_State {
	return opsv1.ClaimState_State(opsv1.ClaimState_State_value[name])
}

func inFlightMessage(now time.Time, f InFlight) *opsv1.InFlightRecord {
	return &opsv1.InFlightRecord{
		Group: f.Group, Topic: f.Topic, Partition: f.Partition, Offset: f.Offset, Records: int64(f.Records),
		Key: keyText(f.Key), Step: text(f.Step, maxText), Age: durationpb.New(now.Sub(f.Since)),
		Runaway: f.Runaway, Stack: text(f.Stack, maxStack), Dependency: text(f.Dependency, maxText),
	}
}

func publisherMessage(p Publisher) *opsv1.PublisherState {
	return &opsv1.PublisherState{Name: p.Name, Records: p.Records, Bytes: p.Bytes}
}

func spoolMessage(s Spool) *opsv1.SpoolState {
	return &opsv1.SpoolState{
		Name: s.Name, Topic: s.Topic, Records: s.Records, Bytes: s.Bytes, OldestAt: timestamp(s.OldestAt),
		SpoolingLanes: int32(s.SpoolingLanes), Entering: int64(s.Entering), //nolint:gosec // there are 64 lanes
		ReadAt: timestamp(s.ReadAt), Error: text(s.Error, maxText),
	}
}

func breakerMessage(b Breaker) *opsv1.BreakerState {
	return &opsv1.BreakerState{
		Name: b.Name, State: opsv1.BreakerState_State(opsv1.BreakerState_State_value[b.State]),
		Since: timestamp(b.Since), Error: reason(b.Err),
	}
}

func replyTopicMessage(t ReplyTopic) *opsv1.ReplyTopicState {
	out := &opsv1.ReplyTopicState{
		Name: t.Name, Topic: t.Topic, Waiting: int64(t.Waiting), Late: t.Late, LateDropped: t.LateDropped,
		LeaseAge: durationpb.New(t.LeaseAge), LeaseTtl: durationpb.New(t.LeaseTTL), Topics: t.Topics, Reaped: t.Reaped,
	}
	if t.Waiting > 0 {
		out.Oldest = durationpb.New(t.Oldest)
	}
	return out
}

func lagMessage(l Lag) *opsv1.PartitionLag {
	return &opsv1.PartitionLag{
		Group: l.Group, Topic: l.Topic, Partition: l.Partition, Committed: l.Committed, End: l.End, Records: l.Records,
		Seconds: l.Seconds, Owned: l.Owned, State: claimState(l.State), Stuck: l.Stuck, Step: text(l.Step, maxText),
		ObservedAt: timestamp(l.ObservedAt),
	}
}

func alertMessage(a Alert) *opsv1.AlertState {
	return &opsv1.AlertState{
		AlertId: a.ID, Kind: a.Kind, Severity: a.Severity, Message: text(a.Message, maxText),
		RaisedAt: timestamp(a.RaisedAt), Pending: a.Pending,
	}
}

func settingMessage(s Setting) *opsv1.Setting {
	return &opsv1.Setting{Name: s.Name, Value: text(s.Value, maxText), Redacted: s.Redacted}
}

// timestamp is absent where t is zero.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// classified is an error's text behind the reason of whoever classified it: what
// documents and alerts name it by.
func classified(err error) string {
	if e, ok := errors.AsType[*failure.Error](err); ok && e.Reason != "" {
		return text(e.Reason+": "+err.Error(), maxText)
	}
	return reason(err)
}

// reason is an error's text; empty where there is none.
func reason(err error) string {
	if err == nil {
		return ""
	}
	return text(err.Error(), maxText)
}

// text makes s valid UTF-8 of at most limit bytes, the sign of a cut on top.
func text(s string, limit int) string {
	if len(s) <= limit {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.ToValidUTF8(s[:limit], "\uFFFD") + "…"
}

// keyText writes a key as a person can read it and a terminal cannot be
// harmed by it: what is not printable is escaped as in Go.
func keyText(key []byte) string {
	cut := ""
	if len(key) > maxKey {
		key, cut = key[:maxKey], "…"
	}
	quoted := strconv.Quote(string(key))
	return quoted[1:len(quoted)-1] + cut
}
