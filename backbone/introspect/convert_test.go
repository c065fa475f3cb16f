package introspect_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/introspect"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// full is a member of a group with everything to tell.
type full struct{ at time.Time }

func (f full) Claims() []consume.ClaimState {
	return []consume.ClaimState{{
		Claim: consume.Claim{Topic: "t", Partition: 1, Generation: 2, Start: 3}, State: consume.StateRetrying, Since: f.at,
		Err: errors.New("e"), CommitErr: errors.New("c"), Next: 4,
	}}
}

func (f full) InFlight() []consume.InFlight {
	return []consume.InFlight{{
		Topic: "t", Partition: 1, Offset: 2, Records: 3, Key: []byte("k"), Step: "s", Since: f.at.Add(-time.Second), Runaway: true,
		Stack: "goroutine 7", Dependency: "redis",
	}}
}

// held waits for a reason that somebody named.
type held struct{ full }

func (h held) Claims() []consume.ClaimState {
	c := h.full.Claims()
	c[0].Err = failure.As(failure.Outage, "STORE_AWAY", errors.New("no route to host"))
	return c
}

func TestAClaimIsHeldForItsReason(t *testing.T) {
	t.Parallel()
	r := introspect.New(introspect.Build{})
	r.Add("vote", introspect.Group("g", held{}))
	if got := r.Inspect(t.Context(), nil).GetServices()[0].GetClaims()[0].GetError(); got != "STORE_AWAY: no route to host" {
		t.Errorf("it says %q", got)
	}
}

// Whatever a source tells is in the answer: no field of its message is empty.
func TestWhatIsToldArrives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		err := errors.New("e")
		r := introspect.New(introspect.Build{})
		r.Add("vote", introspect.Group("g", full{at}),
			introspect.Spools("spool", one(introspect.Spool{Name: "n", Topic: "t", Records: 1, Bytes: 2, OldestAt: at, SpoolingLanes: 3, Entering: 4, ReadAt: at, Error: "e"})),
			introspect.Breakers("breakers", one(introspect.Breaker{Name: "n", State: "HALF_OPEN", Since: at, Err: err})),
			introspect.ReplyTopics("replies", one(introspect.ReplyTopic{
				Name: "n", Topic: "t", Waiting: 1, Oldest: 2, Late: 3, LateDropped: 4, LeaseAge: 5, LeaseTTL: 6, Topics: 7, Reaped: 8,
			})),
			introspect.Lags("lag", one(introspect.Lag{
				Group: "g", Topic: "t", Partition: 1, Committed: 2, End: 3, Records: 4, Seconds: 5, Owned: true, State: "OUTAGE",
				Step: "s", Stuck: true, ObservedAt: at,
			})),
			introspect.Alerts("alerts", one(introspect.Alert{ID: "i", Kind: "k", Severity: "s", Message: "m", RaisedAt: at, Pending: true})),
			introspect.Settings([]introspect.Setting{introspect.Secret("n", "v")}))
		s := r.Inspect(t.Context(), &opsv1.InspectRequest{}).GetServices()[0].ProtoReflect()
		sections := 0
		s.Range(func(section protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			if !section.IsList() || section.Message() == nil {
				return true
			}
			sections++
			if value.List().Len() != 1 {
				t.Errorf("%s: %v", section.Name(), value)
			}
			message := value.List().Get(0).Message()
			for i := range message.Descriptor().Fields().Len() {
				field := message.Descriptor().Fields().Get(i)
				if !message.Has(field) {
					t.Errorf("%s.%s is empty", section.Name(), field.Name())
				}
			}
			return true
		})
		// All but the publishers, of which there is no empty one to be had.
		if sections != 8 {
			t.Errorf("%d sections: %v", sections, s)
		}
	})
}
