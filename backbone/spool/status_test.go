package spool_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"floodgate.internal/backbone/sqldb/sqldbtest"
)

// Depth, bytes, age and breaker are in the status and in the metrics.
func TestTheDepthIsSeen(t *testing.T) {
	t.Parallel()
	db, k, topic := sqldbtest.Open(t), newKafka(), fresh()
	cfg, registry := config(t, topic), prometheus.NewRegistry()
	cfg.Metrics, cfg.Failures, cfg.ProbeEvery = registry, 1, time.Hour
	s := open(t, cfg, db, k)
	k.set(down)
	for n := range 3 {
		if _, err := s.Publish(t.Context(), event(topic, n, "a")); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the status has three rows", func() bool { return status(s, topic).Rows == 3 })
	got := status(s, topic)
	if got.Bytes <= 0 || got.Oldest.IsZero() || time.Since(got.Oldest) < 0 || got.Breaker != "open" || got.SpoolingLanes == 0 || s.Status().At.IsZero() {
		t.Errorf("%+v", got)
	}
	want := `
# HELP floodgate_spool_appended_total Records that this process put into the spool.
# TYPE floodgate_spool_appended_total counter
floodgate_spool_appended_total{topic="TOPIC"} 3
# HELP floodgate_spool_breaker_state This process's breaker: 0 closed, 1 half-open, 2 open.
# TYPE floodgate_spool_breaker_state gauge
floodgate_spool_breaker_state{topic="TOPIC"} 2
# HELP floodgate_spool_rows Records in the spool, of all instances.
# TYPE floodgate_spool_rows gauge
floodgate_spool_rows{topic="TOPIC"} 3
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(strings.ReplaceAll(want, "TOPIC", topic)),
		"floodgate_spool_rows", "floodgate_spool_breaker_state", "floodgate_spool_appended_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry, "floodgate_spool_oldest_age_seconds", "floodgate_spool_bytes", "floodgate_spool_spooling_lanes"); err != nil || n != 3 {
		t.Errorf("%d further metrics: %v", n, err)
	}
}
