package faults_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/embedded/servertest"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

// death is where an instance is killed: on which passing of which step, with
// which kind of handler.
type death struct {
	step    string
	count   int64
	handler string
}

func deaths() []death {
	return []death{
		{"publish before", 100, "slice"}, {"publish after", 100, "slice"},
		{"handle before", 4, "slice"}, {"handle uncommitted", 4, "slice"}, {"handle after", 4, "slice"},
		{"handle before", 100, "record"}, {"handle uncommitted", 100, "record"}, {"handle after", 100, "record"},
		{"retry", 1, "slice"}, {"retry", 3, "record"},
		{"letter before", 1, "slice"}, {"letter after", 1, "slice"},
		{"letter before", 2, "record"}, {"letter after", 2, "record"},
		{"commit", 1, "slice"}, {"commit", 5, "slice"}, {"commit", 1, "record"}, {"commit", 5, "record"},
	}
}

// An instance publishes and consumes and is killed at a step. Another one takes
// over its group and publishes as well. What either was told is durable is
// applied or dead-lettered, once and in order.
//
// The cases run beside each other: each waits until the broker has given up its
// dead member (10 s, Kafka's session timeout as sarama has it).
func TestAnInstanceIsKilledAtEachStep(t *testing.T) {
	t.Parallel()
	k := newSteadyKafka(t)
	checks := make([]func(), 0, len(deaths()))
	for some := range slices.Chunk(deaths(), 6) { // processes at a time
		dying := make([]func() func(), 0, len(some))
		for _, d := range some {
			dying = append(dying, startDeath(t, k, d))
		}
		for _, dead := range dying {
			checks = append(checks, dead())
		}
	}
	for _, check := range checks {
		check()
	}
}

// startDeath starts an instance that will be killed. What it answers waits for
// that and starts a successor; what that answers waits for the end and checks
// it.
func startDeath(t *testing.T, k kafka, d death) (await func() (check func())) {
	t.Helper()
	l, order := newWorkerLoad(t, k)
	l.name = fmt.Sprintf("killed at %q, passing %d, by %s", d.step, d.count, d.handler)
	order.Handler, order.DieAt, order.DieAtCount = d.handler, d.step, d.count
	w := startWorker(t, l, order)
	return func() func() {
		w.awaitKill()
		end := l.consume(inSlices{l.effects})
		l.publish(200, l.bare)
		return func() { l.reconciled(end) }
	}
}

// steadyKafka is a broker for many loads that none of them disturbs.
type steadyKafka struct {
	kafka
	brokers []string
}

func (k steadyKafka) addrs() []string { return k.brokers }

func newSteadyKafka(t *testing.T) kafka {
	t.Helper()
	if os.Getenv(embeddedtest.BrokersVar) == "" {
		return steadyKafka{brokers: embeddedtest.Broker(t)}
	}
	return steadyKafka{brokers: servertest.Fresh(t).Brokers}
}

// newWorkerLoad is a load whose database a process of its own may open too.
func newWorkerLoad(t *testing.T, k kafka) (*load, *workerOrder) {
	t.Helper()
	url, options := sqldbtest.Fresh(t)
	l := newLoadOn(t, k, nil, sqldbtest.Reopen(t, url, options))
	return l, &workerOrder{
		Brokers: k.addrs(), Topic: l.topic, Group: l.group, URL: url, Schema: options.Schema,
		Instance: "worker", Keys: 10, PerKey: 30,
	}
}

// worker is a process that runs an order.
type worker struct {
	t       *testing.T
	cmd     *exec.Cmd
	in      io.Writer // its end tells the worker that this process is gone
	read    sync.WaitGroup
	refused atomic.Int64
	dead    atomic.Bool // it says nothing any more
}

func startWorker(t *testing.T, l *load, order *workerOrder) *worker {
	t.Helper()
	text, err := json.Marshal(order)
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	w := &worker{t: t, cmd: exec.CommandContext(t.Context(), self)}
	w.cmd.Env = append(os.Environ(), workerVar+"="+string(text))
	w.cmd.Stderr = t.Output()
	out, err := w.cmd.StdoutPipe()
	must(t, err)
	w.in, err = w.cmd.StdinPipe()
	must(t, err)
	must(t, w.cmd.Start())
	w.read.Go(func() { w.listen(out, l, order.Instance) })
	return w
}

// listen notes what the worker says. A line that the kill has cut in two counts
// for nothing, as the answer it was to be.
func (w *worker) listen(out io.Reader, l *load, instance string) {
	defer w.dead.Store(true)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		var what, key string
		var sequence int
		if _, err := fmt.Sscan(line, &what, &key, &sequence); err != nil {
			w.t.Errorf("the worker said %q", strings.TrimSpace(line))
			continue
		}
		switch e := newEvent(instance, key, sequence); what {
		case "sent":
			l.recorder.Send(e)
		case "acknowledged":
			l.recorder.Acknowledge(e)
		default:
			w.refused.Add(1)
		}
	}
}

// tell has the worker count its steps from now on.
func (w *worker) tell() {
	w.t.Helper()
	_, err := io.WriteString(w.in, "now\n")
	must(w.t, err)
}

// kill ends the worker at once.
func (w *worker) kill() {
	w.t.Helper()
	must(w.t, w.cmd.Process.Signal(syscall.SIGKILL))
	w.awaitKill()
}

// awaitKill waits until the worker is dead by a kill, and all it said is noted.
func (w *worker) awaitKill() {
	w.t.Helper()
	w.read.Wait()
	err := w.cmd.Wait()
	status, ok := w.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		w.t.Fatalf("the worker was to be killed: %v", err)
	}
}

// A producer's broker hangs; its callers are told that nobody knows; then it is
// killed with what it had queued, and the broker wakes. Whoever took such an
// answer for an ack would have lost the event.
func TestAProducerDiesWhileItsBrokerHangs(t *testing.T) {
	t.Parallel()
	k := newKafka(t)
	l, order := newWorkerLoad(t, k)
	order.Keys, order.PerKey = 50, 1_000_000
	w := startWorker(t, l, order)
	await(t, "acks", func() bool { return l.recorder.Acknowledged() > 500 })
	k.pause()
	await(t, "every caller to be refused", func() bool { return w.refused.Load() >= int64(order.Keys) })
	w.kill()
	k.resume()
	l.reconciled(l.consume(oneByOne{l.effects}))
}
