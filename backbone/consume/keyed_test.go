package consume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// world is the naive model: a log, what became of each of its records, and the
// rules that must hold at every step. Its methods are the handler, the dead
// letter and the commit of the claims that run in it.
type world struct {
	mu       sync.Mutex
	offsets  []int64
	keys     map[int64]string
	plans    map[int64][]act // what each attempt at a record does
	attempts map[int64]int
	settled  map[int64]bool
	running  map[int]map[string]int64 // claim, key: the record at work
	last     map[int]map[string]int64 // claim, key: the last one settled
	limit    int
	marked   int64
	faults   []string
}

// act is one attempt: it takes so long, minding its context or not, and ends so.
type act struct {
	takes time.Duration
	deaf  bool
	err   error
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// begin notes an attempt; it answers what the attempt does.
func (w *world) begin(claim int, r *record.Record) act {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := string(r.Key)
	if other, busy := w.running[claim][key]; busy {
		w.fault("key %s: %d begins while %d runs", key, r.Offset, other)
	}
	if last, ok := w.last[claim][key]; ok && r.Offset <= last {
		w.fault("key %s: %d begins after %d was settled", key, r.Offset, last)
	}
	for _, offset := range w.offsets {
		if offset < r.Offset && offset >= w.marked && w.keys[offset] == key && !w.settled[offset] {
			w.fault("key %s: %d begins before %d is settled", key, r.Offset, offset)
		}
	}
	w.running[claim][key] = r.Offset
	if n := len(w.running[claim]); n > w.limit {
		w.fault("%d run at once, the limit is %d", n, w.limit)
	}
	n := w.attempts[r.Offset]
	w.attempts[r.Offset]++
	if plan := w.plans[r.Offset]; n < len(plan) {
		return plan[n]
	}
	return act{}
}

func (w *world) end(claim int, r *record.Record, inTime bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running[claim], string(r.Key))
	if err == nil {
		w.settled[r.Offset] = true
		if inTime { // else the runtime counts it as failed and comes again
			w.last[claim][string(r.Key)] = r.Offset
		}
	}
}

func (w *world) handler(claim int) handlerFunc {
	return func(ctx context.Context, r *record.Record) error {
		s := w.begin(claim, r)
		patience := ctx.Done()
		if s.deaf {
			patience = nil
		}
		select {
		case <-time.After(s.takes):
		case <-patience:
			s.err = ctx.Err()
		}
		w.end(claim, r, s.takes < time.Second, s.err)
		return s.err
	}
}

// Write is the dead letter.
func (w *world) Write(_ context.Context, l deadletter.Letter) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled[l.Record.Offset] = true
	return nil
}

func (w *world) mark(next int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, offset := range w.offsets {
		if offset < next && !w.settled[offset] {
			w.fault("%d is committed, %d is not settled", next, offset)
		}
	}
	w.marked = max(w.marked, next)
}

func (w *world) done() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.marked > w.offsets[len(w.offsets)-1]
}

func newWorld() *world {
	return &world{
		keys: make(map[int64]string), plans: make(map[int64][]act), attempts: make(map[int64]int),
		settled: make(map[int64]bool), running: make(map[int]map[string]int64), last: make(map[int]map[string]int64),
	}
}

func drawWorld(t *rapid.T) *world {
	w := newWorld()
	offset := int64(0)
	acts := rapid.SliceOfN(rapid.Custom(drawAct), 0, 5)
	for range rapid.IntRange(1, 40).Draw(t, "records") {
		offset += rapid.SampledFrom([]int64{1, 1, 1, 2}).Draw(t, "gap")
		w.offsets = append(w.offsets, offset)
		w.keys[offset] = rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "key")
		w.plans[offset] = acts.Draw(t, "plan")
	}
	return w
}

func drawAct(t *rapid.T) act {
	return act{
		takes: time.Duration(rapid.SampledFrom([]int{0, 1, 7, 300, 950, 1500, 1900}).Draw(t, "ms")) * time.Millisecond,
		deaf:  rapid.Bool().Draw(t, "deaf"),
		err: rapid.SampledFrom([]error{
			nil, errors.New("try again"), failure.As(failure.Permanent, "NO", errors.New("no")),
			failure.As(failure.Outage, "AWAY", errors.New("away")),
		}).Draw(t, "err"),
	}
}

// Whatever the keys, durations, failures and revocations: records of a key run
// one after the other in order, no more than Concurrency at once, no offset is
// committed before all below it are settled, and in the end all are.
func TestKeyedOrderAndCommitsAgainstTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		w.limit = rapid.IntRange(1, 4).Draw(rt, "concurrency")
		cfg := Config{
			Concurrency: w.limit, MaxInFlightRecords: w.limit + rapid.IntRange(0, 5).Draw(rt, "window"),
			Deadline: time.Second, RunawayWait: time.Second, DrainTimeout: 300 * time.Millisecond,
			Retry: Retry{Tries: 3}, CommitEvery: 50 * time.Millisecond,
		}
		holds := rapid.SliceOfN(rapid.IntRange(0, 3000), 0, 5).Draw(rt, "holds")
		synctest.Test(t, func(t *testing.T) {
			for claim := 0; !w.done(); claim++ {
				hold := time.Hour // the last claim may take its time
				if claim < len(holds) {
					hold = time.Duration(holds[claim]) * time.Millisecond
				}
				runClaim(t, w, claim, cfg, hold)
			}
			elapse(time.Minute) // zombies of revoked claims end
		})
		if len(w.faults) > 0 {
			rt.Fatal(w.faults[0])
		}
		for _, offset := range w.offsets {
			if !w.settled[offset] {
				rt.Fatalf("%d is lost", offset)
			}
		}
	})
}

// runClaim delivers the log from the last commit until hold is over or all is
// done, then revokes the claim. A zombie must not commit after that.
func runClaim(t *testing.T, w *world, id int, cfg Config, hold time.Duration) {
	w.mu.Lock()
	w.running[id], w.last[id] = make(map[string]int64), make(map[string]int64)
	from := w.marked
	w.mu.Unlock()
	src := newFakeSource(4)
	src.onMark = w.mark
	_, end := begin(t, cfg, src, w.handler(id), w)
	go func() {
		for _, offset := range slices.Sorted(maps.Keys(w.keys)) {
			if offset < from {
				continue
			}
			select {
			case src.messages <- message(offset, w.keys[offset]):
			case <-src.revoked:
				return
			}
		}
	}()
	for until := time.Now().Add(hold); time.Now().Before(until) && !w.done(); {
		elapse(10 * time.Millisecond)
	}
	end()
}
