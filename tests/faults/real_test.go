package faults_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"floodgate.internal/backbone/embedded/servertest"
)

// realScript starts and stops the real servers; tests run in their own folder.
const realScript = "../../deploy/real/run"

// realKafka is Apache Kafka as deploy/real/run runs it, this test's alone.
type realKafka struct {
	t       *testing.T
	brokers []string
}

// newRealKafka answers the broker empty. advertise is the address that it tells
// its clients; empty is its own.
func newRealKafka(t *testing.T, advertise string) *realKafka {
	t.Helper()
	k := &realKafka{t: t}
	if advertise == "" {
		k.brokers = servertest.Fresh(t).Brokers
	} else {
		k.brokers = []string{advertise} // whoever proxies it has emptied it
	}
	if named := k.output("env"); advertise == "" && !strings.Contains(named, "FLOODGATE_KAFKA_BROKERS="+k.brokers[0]) {
		t.Skipf("the broker at %s is not one that %s can stop", k.brokers[0], realScript)
	}
	if advertise != "" {
		k.run([]string{"FLOODGATE_REAL_KAFKA_ADVERTISED=" + advertise}, "restart", "kafka")
	}
	// However the test ended: thawed, running and under its own address.
	t.Cleanup(func() {
		k.run(nil, "start", "kafka")
		if advertise != "" {
			k.run(nil, "restart", "kafka")
		}
	})
	return k
}

func (k *realKafka) addrs() []string { return slices.Clone(k.brokers) }

func (k *realKafka) stop()   { k.run(nil, "stop", "--keep", "kafka") }
func (k *realKafka) kill()   { k.run(nil, "kill", "kafka") }
func (k *realKafka) start()  { k.run(nil, "start", "kafka") }
func (k *realKafka) pause()  { k.run(nil, "pause", "kafka") }
func (k *realKafka) resume() { k.run(nil, "resume", "kafka") }

func (k *realKafka) run(env []string, args ...string) {
	k.t.Helper()
	cmd := exec.Command(realScript, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		k.t.Fatalf("%s %s: %v\n%s", realScript, strings.Join(args, " "), err, out)
	}
}

func (k *realKafka) output(args ...string) string {
	k.t.Helper()
	out, err := exec.Command(realScript, args...).Output()
	must(k.t, err)
	return string(out)
}
