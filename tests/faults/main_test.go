package faults_test

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// The test binary is also the processes that the tests stop, freeze and kill:
// the same code with the same race detector, and no second build.
const (
	brokerVar = "FLOODGATE_TEST_FAULTS_BROKER" // address, advertised address, directory
	workerVar = "FLOODGATE_TEST_FAULTS_WORKER" // JSON of a workerOrder
	dlqVar    = "FLOODGATE_TEST_FAULTS_DLQ"    // JSON of a dlqOrder
	groupVar  = "FLOODGATE_TEST_FAULTS_GROUP"  // JSON of a groupOrder
	// longVar runs the suites at full size: CONTRIBUTING.md has the command.
	longVar = "FLOODGATE_LONG"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(brokerVar) != "":
		exit(runBroker(os.Getenv(brokerVar)))
	case os.Getenv(workerVar) != "":
		exit(runWorker(os.Getenv(workerVar)))
	case os.Getenv(dlqVar) != "":
		exit(runDLQ(os.Getenv(dlqVar)))
	case os.Getenv(groupVar) != "":
		exit(runGroup(os.Getenv(groupVar)))
	default:
		os.Exit(m.Run())
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// size is how much is sent and how long an outage lasts.
type size struct {
	published int // by the load that the fault meets while it publishes
	consumed  int // by the one that it meets while it consumes
	outage    time.Duration
}

func sizeOf() size {
	if os.Getenv(longVar) != "" {
		return size{published: 100_000, consumed: 100_000, outage: time.Minute}
	}
	return size{published: 10_000, consumed: 10_000, outage: 3 * time.Second}
}

// patience bounds every wait: far above what it takes, so that only what hangs
// is cut.
const patience = 3 * time.Minute

// await asks until the answer is yes; it bounds a hang and says nothing of
// speed.
func await(t *testing.T, what string, ask func() bool) {
	t.Helper()
	deadline := time.After(patience + sizeOf().outage)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-t.Context().Done():
			t.Fatalf("ended while waiting for %s", what)
		case <-tick.C:
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
