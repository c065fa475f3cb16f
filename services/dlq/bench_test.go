package dlq_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/embedded/servertest"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// BenchmarkFlood takes in a flood that is in the topic already, from its first
// letter to its last; ns/op is one failure. Run with -benchtime 300000x.
func BenchmarkFlood(b *testing.B) {
	servers := servertest.Fresh(b)
	log := slog.New(slog.DiscardHandler)
	w := openWriters(b, servers.Brokers)
	for from := 0; from < b.N; from += 10_000 {
		w.flood(topics.GroupVoteTally, from, min(from+10_000, b.N), failure.As(failure.Retryable, "SQL", errors.New("timeout after 301 ms")))
	}
	srv, err := rpc.NewServer(rpc.ServerConfig{})
	if err != nil {
		b.Fatal(err)
	}
	service, err := dlq.New(dlq.Config{Kafka: broker.Config{Brokers: servers.Brokers}, DatabaseURL: servers.DatabaseURL}, dlq.Deps{Log: log}, srv)
	if err != nil {
		b.Fatal(err)
	}
	var kept atomic.Int64
	all := make(chan struct{})
	service.Inject(func(when string, letters int) error {
		if when == "after" && kept.Add(int64(letters)) == int64(b.N) {
			close(all)
		}
		return nil
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	b.ResetTimer()
	go func() { ended <- service.Run(ctx, func() {}) }()
	var peak uint64
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for waiting := true; waiting; {
		select {
		case <-all:
			waiting = false
		case <-tick.C:
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	}
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "failures/s")
	b.ReportMetric(float64(peak)/(1<<20), "heap-MiB")
}

// BenchmarkReplay brings failures back to a group that does nothing, from the
// request to the last confirmed outcome; ns/op is one failure. Run with
// -benchtime 100000x.
func BenchmarkReplay(b *testing.B) {
	in := newInstallation(b)
	w, i := in.writers(), in.start(nil)
	for from := 0; from < b.N; from += 10_000 {
		w.flood(topics.GroupVoteTally, from, min(from+10_000, b.N), failure.As(failure.Retryable, "SQL", errors.New("timeout after 301 ms")))
	}
	in.eventually("all are kept", func() bool {
		res, err := i.GetStats(b.Context(), &dlqv1.GetStatsRequest{})
		in.must(err)
		return res.GetByStatus()["OPEN"] == int64(b.N)
	})
	in.serve(w, &group{name: topics.GroupVoteTally, batches: true}, nil)
	rate := int32(100_000)
	b.ResetTimer()
	made := in.create(i, &dlqv1.CreateReplayRequest{Filter: "status = OPEN", RatePerSecond: &rate})
	frozen := b.Elapsed()
	if r := in.watch(i, made.GetReplayId()); r.GetApplied() != int64(b.N) {
		b.Fatalf("replay %v", r)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "confirmed/s")
	b.ReportMetric(frozen.Seconds(), "s-to-freeze")
}
