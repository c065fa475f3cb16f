package dlq_test

import (
	"errors"
	"os"
	"regexp"
	"testing"
	"time"

	"floodgate.internal/backbone/failure"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// A process measures what it keeps and what replays do, and tells what waits for
// an operator.
func TestDeadLettersAreMeasured(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	w.flood(topics.GroupVoteTally, 0, 3, poison())
	w.flood(topics.GroupVoteLedger, 0, 2, failure.As(failure.Retryable, "SQL", errors.New("timeout")))
	first := in.start(nil)
	in.settled(first, "", 5)
	in.eventually("all letters are counted", func() bool { return in.sum(first, "floodgate_dlq_letters_total") == 5 })
	in.must(first.stop())
	if n := in.sum(first, "floodgate_dlq_letters_total"); n != 0 {
		t.Errorf("%g letters are told of a process that has ended", n)
	}
	// What there is does not go by what a process has seen.
	i := in.start(nil)
	in.eventually("the standing is told", func() bool {
		return in.metric(i, "floodgate_dlq_failures", "class", "UNDECODABLE") == 3 && in.metric(i, "floodgate_dlq_failures", "class", "RETRYABLE") == 2
	})
	if open, all := in.metric(i, "floodgate_dlq_failures", "status", "OPEN"), in.metric(i, "floodgate_dlq_failures", "service", "vote"); open != 5 || all != 5 {
		t.Errorf("%g failures of the service, %g of them open", all, open)
	}
	if at := in.metric(i, "floodgate_dlq_oldest_failure_timestamp_seconds", "status", "OPEN"); at != float64(begun().Add(time.Second).Unix()) {
		t.Errorf("the oldest is of %g", at)
	}
	if n := in.sum(i, "floodgate_dlq_unclassified_failures"); n != 0 {
		t.Errorf("%g failures are of old kinds", n)
	}
	_, err := i.CreateReplay(t.Context(), &dlqv1.CreateReplayRequest{Filter: `group = "vote-tally"`})
	in.must(err)
	in.eventually("what is brought back is counted", func() bool { return in.sum(i, "floodgate_dlq_redelivered_total") == 3 })
}

// The alert rules ask for metrics that there are.
func TestAlertRulesAskForMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile("../../deploy/prometheus/floodgate.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, name := range dlq.MetricNames() {
		described[name] = true
	}
	asked := regexp.MustCompile(`floodgate_dlq_\w+`).FindAllString(string(rules), -1)
	if len(asked) < 5 {
		t.Errorf("the rules ask for %q", asked)
	}
	for _, name := range asked {
		if !described[name] {
			t.Errorf("the rules ask for %s, which nobody tells", name)
		}
	}
}

// sum adds up all values of a metric.
func (in *installation) sum(i *instance, name string) float64 {
	in.t.Helper()
	families, err := i.metrics.Gather()
	in.must(err)
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
