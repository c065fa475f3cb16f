package introspect_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/dependency"
	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/requestreply"
	"floodgate.internal/backbone/spool"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// looking is a monitor that has found everything there is to find.
type looking struct{ at time.Time }

func (m looking) Snapshot() []lag.Partition {
	return []lag.Partition{
		{Group: "g", Topic: "t", Partition: 2, Committed: -1, End: -1, Records: -1, Seconds: -1},
		{Group: "g", Topic: "t", Partition: 1, Committed: 3, End: 8, Records: 5, Seconds: 6, Owned: true, State: "OUTAGE", Stuck: true, Step: "s", ObservedAt: m.at},
	}
}

func (m looking) Alerts() []lag.ActiveAlert {
	return []lag.ActiveAlert{
		{Alert: &opsv1.Alert{Name: "lag/g/t/1", State: opsv1.Alert_CLEARED}, Pending: true},
		{Pending: true, Alert: &opsv1.Alert{
			Name: "stuck/g/t/1", State: opsv1.Alert_RAISED, Kind: opsv1.Alert_STUCK, Severity: opsv1.Alert_CRITICAL, Summary: "it stands",
			Since: timestamppb.New(m.at),
		}},
	}
}

// filled is a spool with a topic that Kafka does not take.
type filled struct{ at time.Time }

func (f filled) Status() spool.Status {
	return spool.Status{At: f.at, Error: "away", Topics: []spool.TopicStatus{
		{Topic: "t", Rows: 1, Bytes: 2, Oldest: f.at, Breaker: "half-open", SpoolingLanes: 3, Waiting: 4},
	}}
}

// asking is a requester with a request that waits.
type asking struct{}

func (asking) Status() requestreply.Status {
	return requestreply.Status{
		Topic: "reply.a", LeaseAge: 1, LeaseTTL: 2, Pending: 3, OldestPending: 4, Late: 5, LateDropped: 6, Topics: 7, Reaped: 8,
	}
}

// What the backbone's parts know of themselves reaches the operator.
func TestPartsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		redis, err := dependency.New(dependency.Config{
			Name: "redis", IsTransport: func(error) bool { return true }, Probe: func(context.Context) error { return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		for redis.Status().State == dependency.StateClosed {
			_ = redis.Do(t.Context(), func(context.Context) error { return errors.New("connection refused") })
		}
		r := introspect.New(introspect.Build{})
		r.Add("vote", introspect.Monitor(looking{at}), introspect.Spooling("spool", filled{at}), introspect.Dependencies(redis),
			introspect.Requesting("payment", asking{}))
		s := r.Inspect(t.Context(), nil).GetServices()[0]

		if l := s.GetLag(); len(l) != 2 || l[0].GetPartition() != 1 || l[0].GetCommitted() != 3 || l[0].GetEnd() != 8 || l[0].GetRecords() != 5 ||
			l[0].GetSeconds() != 6 || !l[0].GetOwned() || l[0].GetState() != opsv1.ClaimState_OUTAGE || !l[0].GetStuck() ||
			l[0].GetStep() != "s" || !l[0].GetObservedAt().AsTime().Equal(at) || l[1].GetRecords() != -1 || l[1].ObservedAt != nil {
			t.Errorf("lag: %v", l)
		}
		if a := s.GetAlerts(); len(a) != 1 || a[0].GetAlertId() != "stuck/g/t/1" || a[0].GetKind() != "STUCK" || a[0].GetSeverity() != "CRITICAL" ||
			a[0].GetMessage() != "it stands" || !a[0].GetPending() || !a[0].GetRaisedAt().AsTime().Equal(at) {
			t.Errorf("alerts: %v", a)
		}
		if p := s.GetSpools(); len(p) != 1 || p[0].GetName() != "spool" || p[0].GetTopic() != "t" || p[0].GetRecords() != 1 || p[0].GetBytes() != 2 ||
			p[0].GetSpoolingLanes() != 3 || p[0].GetEntering() != 4 || p[0].GetError() != "away" || !p[0].GetOldestAt().AsTime().Equal(at) || p[0].ReadAt == nil {
			t.Errorf("spools: %v", p)
		}
		if q := s.GetReplyTopics(); len(q) != 1 || q[0].GetName() != "payment" || q[0].GetTopic() != "reply.a" || q[0].GetWaiting() != 3 ||
			q[0].GetOldest().AsDuration() != 4 || q[0].GetLate() != 5 || q[0].GetLateDropped() != 6 || q[0].GetLeaseAge().AsDuration() != 1 ||
			q[0].GetLeaseTtl().AsDuration() != 2 || q[0].GetTopics() != 7 || q[0].GetReaped() != 8 {
			t.Errorf("reply topics: %v", q)
		}
		b := s.GetBreakers()
		if len(b) != 2 || b[0].GetName() != "kafka t" || b[0].GetState() != opsv1.BreakerState_HALF_OPEN || b[1].GetName() != "redis" ||
			b[1].GetState() != opsv1.BreakerState_OPEN || b[1].GetError() != "connection refused" || b[1].Since == nil {
			t.Errorf("breakers: %v", b)
		}
	})
}
