package main_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"floodgate.internal/tests/bench/internal/rounds"
)

// TestSmokeRunsEveryLine runs the program itself, as CI does: children are
// further processes of it. How fast anything is, no test says.
func TestSmokeRunsEveryLine(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "bench")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var out, errOut bytes.Buffer
	smoke := exec.CommandContext(t.Context(), program, "-smoke", "-o", "json")
	smoke.Stdout, smoke.Stderr = &out, &errOut
	// On the embedded parts, whatever the environment names.
	smoke.Env = append(smoke.Environ(), "FLOODGATE_KAFKA_BROKERS=", "FLOODGATE_REDIS_ADDRS=", "FLOODGATE_DATABASE_URL=")
	if err := smoke.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &errOut)
	}
	var rows []rounds.Row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	printed := map[string]bool{}
	for _, r := range rows {
		printed[r.Name] = r.Ours > 0
	}
	for _, name := range lines() {
		if !printed[name] {
			t.Errorf("%q is not in the table, or has no value:\n%s", name, &errOut)
		}
	}
}

// lines are the names that the table must show.
func lines() []string {
	return []string{
		"CastVote, gRPC, 512 callers", "CastVote, gRPC, 128 callers", "bare produce behind the echo, 512",
		"POST /api/v1/votes, 512 connections", "CastVote while all is counted, 512",
		"vote-tally, 1,000,000 records", "vote-ledger, 1,000,000 records",
		"burst of 300,000 over REST, reconciled", "peak memory of floodgate up in the burst",
		"floodgate up, empty data directory", "floodgate up, 300,000 votes in it",
		"go run ./cmd/floodgate up, empty", "go run ./cmd/floodgate up, 300,000",
		"order by key, 1 ms, against one at a time", "order by key, 1 ms, against Watermill",
		"order by key, 1 ms, 1,000 Zipf keys", "bound of the hottest key, by exact 1 ms", "order by key, 100 µs, against one at a time",
		"no-op batch handler", "no-op handler per record", "publish, 1000 callers awaiting acks",
		"memory behind a stuck dependency, growth", "memory behind a stuck dependency, peak",
		"relay drain, in order of keys", "request-reply at 1,000/s, p99",
		"dead letters kept, a flood of 300,000", "peak memory of dlq in the flood", "replay of 50,000, confirmed",
		"page of failures, p99", "page of failures by status, p99", "page of failures by kind, p99",
		"page of failures by consumer group, p99", "groups of failures, p99", "statistics of failures, p99",
	}
}
