package faults_test

import (
	"os"
	"testing"
	"time"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/tests/faults/reconcile"
)

// A flood of records that all fail meets the DLQ service, the failing group and
// the broker as they are killed with SIGKILL, alone and together, at random
// moments. In the end every event that was acknowledged is a failure, one and no
// more, under its own key.
func TestAFloodOfFailuresOutlivesItsProcesses(t *testing.T) {
	t.Parallel()
	s, blows := redriveSize{events: 3000, slice: 10, work: 100 * time.Millisecond}, 3
	if os.Getenv(longVar) != "" {
		s, blows = redriveSize{events: 300_000, slice: 500}, 14
	}
	l := newRedriveLoad(t, s)
	send, sent := l.publishing(s.events), make(chan error, 1)
	go func() { sent <- send() }()
	l.strike(blows, l.letters, 0, int64(s.events))
	must(t, <-sent)
	l.settled()
	rows, lost := l.failures(), []reconcile.Fault{}
	for _, e := range l.failed {
		if f := rows[e.ID]; f.GetStatus() != dlqv1.Failure_OPEN || f.GetKey() != e.Key || f.GetAttempts() < 1 {
			lost = append(lost, reconcile.Fault{Kind: reconcile.Lost, Event: e, Detail: ": its failure is " + f.String()})
		}
	}
	if len(lost) > 0 || len(rows) != s.events {
		t.Errorf("%d failures of %d events: %s", len(rows), s.events, reconcile.Report(lost))
	}
}
