package spool_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

const (
	modelKeys      = 6
	modelInstances = 3
)

// model is the naive one: what each process was asked to publish, in order, and
// what it acknowledged. A value is "instance.life/number".
type model struct {
	t     testing.TB
	db    *sqldb.DB
	kafka *kafka
	topic string
	lives [modelInstances]int
	open  [modelInstances]*spool.Spool

	mu      sync.Mutex
	numbers map[string]int // of a key and process
	acked   map[string]bool
}

// modelRuns are fewer than rapid's hundred: each opens SQLite several times, for
// a second of processor time under the race detector.
const modelRuns = 30

// Random keys, a broker that is up, down, slow, loses answers or lets records
// arrive late, processes that crash and start again, several of them at once: in
// the end what was acknowledged is in the log, and the records of a key and
// process stand in their order, counting the first occurrence of each.
func TestAnyOutageKeepsWhatWasAcknowledgedInOrder(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t)
	runs, failed := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		if runs > modelRuns && !failed { // what failed is run again, to be shrunk
			return
		}
		m := &model{t: t, db: db, kafka: newKafka(), topic: fresh(), numbers: make(map[string]int), acked: make(map[string]bool)}
		for i := range m.open {
			m.start(i)
		}
		defer m.end()
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			m.step(rt)
		}
		m.heal()
		if err := check(m.kafka.records(m.topic), m.acked); err != nil {
			failed = true
			rt.Fatal(err)
		}
	})
}

func (m *model) start(i int) {
	m.lives[i]++
	c := client{m.kafka, m.name(i)}
	cfg := config(m.t, m.topic)
	cfg.Patience, cfg.Lease, cfg.Instance, cfg.Log = 5*time.Millisecond, 250*time.Millisecond, c.name, nil
	s, err := spool.Open(m.t.Context(), cfg, m.db, c, c)
	if err != nil {
		m.t.Fatal(err)
	}
	m.open[i] = s
}

func (m *model) name(i int) string { return fmt.Sprintf("%d.%d", i, m.lives[i]) }

func (m *model) end() {
	for _, s := range m.open {
		s.Crash()
	}
}

func (m *model) step(rt *rapid.T) {
	switch rapid.SampledFrom([]string{"publish", "publish", "publish", "mode", "crash", "crash in a burst"}).Draw(rt, "step") {
	case "publish":
		m.burst(rt).Wait()
	case "mode":
		m.kafka.set(rapid.SampledFrom([]mode{up, down, lost, late, slow, partial}).Draw(rt, "mode"))
	case "crash":
		m.crash(rapid.IntRange(0, modelInstances-1).Draw(rt, "instance"))
	case "crash in a burst":
		burst := m.burst(rt)
		m.crash(rapid.IntRange(0, modelInstances-1).Draw(rt, "instance"))
		burst.Wait()
	}
}

func (m *model) crash(i int) {
	m.open[i].Crash()
	m.start(i)
}

// burst has each instance publish to all keys beside each other, and to each of
// them one after the other.
func (m *model) burst(rt *rapid.T) *sync.WaitGroup {
	var all sync.WaitGroup
	for i, s := range m.open {
		for key := range modelKeys {
			n := rapid.IntRange(0, 4).Draw(rt, "records")
			name := m.name(i)
			all.Go(func() {
				for range n {
					if !m.publish(s, name, key) {
						return // As a process that has crashed publishes no more.
					}
				}
			})
		}
	}
	return &all
}

func (m *model) publish(s *spool.Spool, name string, key int) bool {
	m.mu.Lock()
	of := fmt.Sprintf("%d %s", key, name)
	m.numbers[of]++
	value := fmt.Sprintf("%s/%d", name, m.numbers[of])
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), 30*time.Second)
	defer cancel()
	_, err := s.Publish(ctx, event(m.topic, key, value))
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.acked[fmt.Sprintf("%d %s", key, value)] = true
	}
	return err == nil
}

func (m *model) heal() {
	m.kafka.set(up)
	for _, s := range m.open {
		drained(m.t, s, m.db, m.topic)
	}
	m.kafka.set(up) // The last of the late ones arrive.
}

// check is what must be true of a log: all that was acknowledged is there, and
// the first occurrences of a key and process are in order.
func check(log []written, acked map[string]bool) error {
	there := make(map[string]bool)
	last := make(map[string]int)
	for _, w := range log {
		id := w.key + " " + w.value
		if there[id] {
			continue
		}
		there[id] = true
		process, number, _ := strings.Cut(w.value, "/")
		var n int
		if _, err := fmt.Sscan(number, &n); err != nil {
			return err
		}
		of := w.key + " " + process
		if n <= last[of] {
			return fmt.Errorf("key %s: %s/%d stands behind %d", w.key, process, n, last[of])
		}
		last[of] = n
	}
	for id := range acked {
		if !there[id] {
			return fmt.Errorf("%s was acknowledged and is not in the log", id)
		}
	}
	return nil
}

// The checker finds a loss and a reorder, and takes copies as what they are.
func TestTheCheckerFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	record := func(key, value string) written { return written{key: key, value: value} }
	good := []written{record("1", "a/1"), record("2", "a/1"), record("1", "a/1"), record("1", "a/3"), record("1", "a/1")}
	acked := map[string]bool{"1 a/1": true, "1 a/3": true}
	if err := check(good, acked); err != nil {
		t.Errorf("a good log: %v", err)
	}
	if err := check(good[:3], acked); err == nil {
		t.Error("a loss is not found")
	}
	if err := check(append(good, record("1", "a/2")), acked); err == nil {
		t.Error("a reorder is not found")
	}
}
