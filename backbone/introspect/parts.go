package introspect

import (
	"context"
	"strings"

	"floodgate.internal/backbone/dependency"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/requestreply"
	"floodgate.internal/backbone/spool"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// monitor is a lag.Monitor, or a test's.
type monitor interface {
	Snapshot() []lag.Partition
	Alerts() []lag.ActiveAlert
}

// Monitor tells how far the watched groups are behind and which alerts are
// raised.
func Monitor(m monitor) Source {
	tell := func(_ context.Context, s *State) error {
		for _, p := range m.Snapshot() {
			s.Lag = append(s.Lag, Lag{
				Group: p.Group, Topic: p.Topic, Partition: p.Partition, Committed: p.Committed, End: p.End, Records: p.Records,
				Seconds: p.Seconds, Owned: p.Owned, State: p.State, Step: p.Step, Stuck: p.Stuck, ObservedAt: p.ObservedAt,
			})
		}
		for _, a := range m.Alerts() {
			// One that is over is among them until the log has its end.
			if a.Alert.GetState() == opsv1.Alert_RAISED {
				s.Alerts = append(s.Alerts, Alert{
					ID: a.Alert.GetName(), Kind: a.Alert.GetKind().String(), Severity: a.Alert.GetSeverity().String(),
					Message: a.Alert.GetSummary(), RaisedAt: a.Alert.GetSince().AsTime(), Pending: a.Pending,
				})
			}
		}
		return nil
	}
	return Source{"lag", []section{opsv1.InspectRequest_LAG, opsv1.InspectRequest_ALERTS}, tell}
}

// spooler is a spool.Spool, or a test's.
type spooler interface{ Status() spool.Status }

// Spooling tells what waits in a spool, and the breakers of its topics.
func Spooling(name string, from spooler) Source {
	tell := func(_ context.Context, s *State) error {
		status := from.Status()
		for _, t := range status.Topics {
			s.Spools = append(s.Spools, Spool{
				Name: name, Topic: t.Topic, Records: t.Rows, Bytes: t.Bytes, OldestAt: t.Oldest,
				SpoolingLanes: t.SpoolingLanes, Entering: t.Waiting, ReadAt: status.At, Error: status.Error,
			})
			s.Breakers = append(s.Breakers, Breaker{
				Name: "kafka " + t.Topic, State: strings.ToUpper(strings.ReplaceAll(t.Breaker, "-", "_")),
			})
		}
		return nil
	}
	return Source{name, []section{opsv1.InspectRequest_SPOOLS, opsv1.InspectRequest_BREAKERS}, tell}
}

// requester is a requestreply.Requester, or a test's.
type requester interface {
	Status() requestreply.Status
}

// Requesting tells where replies to a requester's requests arrive.
func Requesting(name string, r requester) Source {
	return ReplyTopics(name, func(context.Context) ([]ReplyTopic, error) {
		s := r.Status()
		return []ReplyTopic{{
			Name: name, Topic: s.Topic, Waiting: s.Pending, Oldest: s.OldestPending, Late: s.Late, LateDropped: s.LateDropped,
			LeaseAge: s.LeaseAge, LeaseTTL: s.LeaseTTL, Topics: s.Topics, Reaped: s.Reaped,
		}}, nil
	})
}

// Dependencies tells the breakers of what a service calls.
func Dependencies(all ...*dependency.Dependency) Source {
	return Breakers("dependencies", func(context.Context) ([]Breaker, error) {
		out := make([]Breaker, len(all))
		for i, d := range all {
			s := d.Status()
			out[i] = Breaker{Name: s.Name, State: string(s.State), Since: s.Since}
			if s.State != dependency.StateClosed {
				out[i].Err = s.Err
			}
		}
		return out, nil
	})
}
