package dlq_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"floodgate.internal/backbone/introspect/introspecttest"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// inspect asks an instance for its DLQ service.
func (in *installation) inspect(i *instance) *opsv1.ServiceState {
	in.t.Helper()
	res, err := i.ops.Inspect(in.t.Context(), &opsv1.InspectRequest{})
	in.must(err)
	for _, s := range res.GetServices() {
		if s.GetService() == "dlq" {
			return s
		}
	}
	in.t.Fatalf("no DLQ service in %v", res)
	return nil
}

// While letters cannot be kept, an operator sees how many wait, since when and
// at which step; both groups of the service are looked at, and alerts are raised
// by the settings.
func TestIngestThatStandsStillIsTold(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	free := sync.OnceFunc(func() { close(release) })
	i := in.startAs(func(c *dlq.Config) {
		c.Lag.Every, c.Lag.RaiseRecords, c.Lag.Looks.Raise = 50*time.Millisecond, 1, 1
	}, func(s *dlq.Service) {
		s.Inject(func(when string, _ int) error {
			if when == "before" {
				once.Do(func() {
					close(entered)
					<-release
				})
			}
			return nil
		})
	})
	t.Cleanup(free) // before the instance's own
	w.flood(topics.GroupVoteTally, 7, 8, poison())
	<-entered

	var behind *opsv1.PartitionLag
	in.eventually("dlq-ingest is a record behind, and an alert is raised", func() bool {
		s := in.inspect(i)
		groups := map[string]bool{}
		for _, l := range s.GetLag() {
			groups[l.GetGroup()] = true
			if l.GetGroup() == topics.GroupDLQIngest && l.GetRecords() == 1 {
				behind = l
			}
		}
		return behind != nil && groups[topics.GroupDLQOutcome] && len(s.GetAlerts()) > 0
	})
	if behind.GetTopic() != topics.DLQFailed || behind.GetState() != opsv1.ClaimState_RUNNING || !behind.GetOwned() {
		t.Errorf("lag %v", behind)
	}
	flying := in.inspect(i).GetInFlight()
	if len(flying) != 1 || flying[0].GetGroup() != topics.GroupDLQIngest || flying[0].GetAge().AsDuration() <= 0 {
		t.Errorf("in flight %v", flying)
	}
	if got := in.metric(i, "floodgate_consumer_lag_records", "group", topics.GroupDLQIngest); got != 1 {
		t.Errorf("%g records of lag are measured", got)
	}
	free()
	in.settled(i, "", 1)
	in.eventually("nothing is in flight", func() bool { return in.inspect(i).GetInFlightTotal() == 0 })
}

// metric adds up the values of a metric of the service whose label is value.
func (in *installation) metric(i *instance, name, label, value string) float64 {
	in.t.Helper()
	families, err := i.metrics.Gather()
	in.must(err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label && l.GetValue() == value {
					sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

// No setting is forgotten in what operators are told, and no secret is among
// them.
func TestEverySettingIsTold(t *testing.T) {
	t.Parallel()
	told := dlq.Config{DatabaseURL: "postgres://floodgate:hunter2@db/floodgate"}.Settings()
	introspecttest.EverySetting(t, told, dlq.Config{}, "Lag.Service", "Lag.Groups")
	for _, s := range told {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("the password is told: %+v", s)
		}
	}
}
