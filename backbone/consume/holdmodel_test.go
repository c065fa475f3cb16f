package consume

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"pgregory.net/rapid"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// holdWorld is the naive model of held keys: a source partition, its replay
// topic, a DLQ service that replays open letters, and the one rule that a
// record is handled only when every earlier one of its key was applied or
// discarded. Records are named by their offset in the source.
type holdWorld struct {
	mu       sync.Mutex
	random   *rand.Rand
	log      []string      // keys by offset
	refusals map[int64]int // how often a record is still refused
	deaf     map[int64]bool
	over     map[int64]bool // applied or discarded
	parked   int

	open    []deadletter.Letter
	replays []*sarama.ConsumerMessage
	marks   map[string]int64 // topic: the committed offset
	faults  []string
}

func (w *holdWorld) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// home answers the record's offset in the source.
func home(r *record.Record) int64 {
	if at, ok := Origin(r); ok {
		return at.Offset
	}
	return r.Offset
}

func (w *holdWorld) earlier(offset int64) (int64, bool) {
	for o := range offset {
		if w.log[o] == w.log[offset] && !w.over[o] {
			return o, true
		}
	}
	return 0, false
}

// Handle is the handler of every claim.
func (w *holdWorld) Handle(ctx context.Context, r *record.Record) error {
	w.mu.Lock()
	offset := home(r)
	if first, waits := w.earlier(offset); waits {
		w.fault("key %s: %d is handled before %d", r.Key, offset, first)
	}
	refused := w.refusals[offset] > 0
	w.refusals[offset]--
	takes, deaf := time.Duration(w.random.IntN(40))*time.Millisecond, w.deaf[offset]
	w.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		if !deaf {
			return ctx.Err()
		}
	}
	if refused {
		return failure.As(failure.Permanent, "NO", errors.New("refused"))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over[offset] = true
	return nil
}

// Write is the dead letter.
func (w *holdWorld) Write(_ context.Context, l deadletter.Letter) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.WaitsFor != nil {
		w.parked++
		if l.WaitsFor.Offset >= home(l.Record) || w.log[l.WaitsFor.Offset] != string(l.Record.Key) {
			w.fault("%d waits for %d", home(l.Record), l.WaitsFor.Offset)
		}
	}
	w.open = append(w.open, l)
	return nil
}

// redrive replays some of the open letters, those of a key in order but for a
// slip now and then, or discards one.
func (w *holdWorld) redrive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.open, func(a, b deadletter.Letter) int { return int(home(a.Record) - home(b.Record)) })
	if w.random.IntN(4) == 0 {
		w.random.Shuffle(len(w.open), func(i, j int) { w.open[i], w.open[j] = w.open[j], w.open[i] })
	}
	n := w.random.IntN(len(w.open) + 1)
	for _, l := range w.open[:n] {
		var extra []string
		if _, waits := w.earlier(home(l.Record)); !waits && w.random.IntN(8) == 0 {
			extra = []string{record.HeaderDiscarded}
			w.over[home(l.Record)] = true
		}
		w.replays = append(w.replays, replayed(int64(len(w.replays)), l, extra...))
	}
	w.open = w.open[n:]
}

// next answers the record at an offset of a topic, nil where there is none yet.
func (w *holdWorld) next(topic string, offset int64) *sarama.ConsumerMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case topic == replayTopic && offset < int64(len(w.replays)):
		return w.replays[offset]
	case topic == "t" && offset < int64(len(w.log)):
		return message(offset, w.log[offset])
	}
	return nil
}

func (w *holdWorld) done() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open) == 0 && w.marks["t"] == int64(len(w.log)) && w.marks[replayTopic] == int64(len(w.replays))
}

// claim runs one claim of a topic for a while. One that crashes commits nothing.
func (w *holdWorld) claim(t *testing.T, cfg Config, c Claim, hold time.Duration, crash bool) {
	w.mu.Lock()
	c.Start = w.marks[c.Topic]
	w.mu.Unlock()
	src := newFakeSource(2)
	src.onMark = func(next int64) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !crash {
			w.marks[c.Topic] = max(w.marks[c.Topic], next)
		}
	}
	_, end := beginOn(t, cfg, c, src, w, w)
	go func() {
		for offset := c.Start; ; {
			m := w.next(c.Topic, offset)
			select {
			case <-time.After(5 * time.Millisecond):
			case <-src.revoked:
				return
			}
			if m == nil {
				continue
			}
			select {
			case src.messages <- m:
				offset++
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

// life runs claims of a topic one after the other until all is over.
func (w *holdWorld) life(t *testing.T, cfg Config, c Claim, holds []int) {
	for i := 0; !w.done(); i++ {
		hold, crash := time.Hour, false
		if i < len(holds) {
			hold, crash = time.Duration(holds[i])*time.Millisecond, holds[i]%3 == 0
		}
		w.claim(t, cfg, c, hold, crash)
	}
}

func drawHoldWorld(t *rapid.T) *holdWorld {
	w := &holdWorld{
		random:   rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)),
		refusals: make(map[int64]int), deaf: make(map[int64]bool), over: make(map[int64]bool), marks: make(map[string]int64),
	}
	w.log = rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 25).Draw(t, "keys")
	for offset := range int64(len(w.log)) {
		w.refusals[offset] = rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "refusals")
		w.deaf[offset] = rapid.Bool().Draw(t, "deaf")
	}
	return w
}

// Whatever fails, is replayed, discarded, revoked or crashes: a record is
// handled only after every earlier one of its key was applied or discarded, and
// in the end all are and no key is held.
func TestHeldKeysAgainstTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w, holds := drawHoldWorld(rt), newFakeHolds()
		cfg := holding(holds)
		cfg.Deadline, cfg.RunawayWait, cfg.DrainTimeout, cfg.CommitEvery = time.Second, time.Second, 30*time.Millisecond, 20*time.Millisecond
		slow := rapid.Bool().Draw(rt, "slow store")
		holds.takes = func() time.Duration {
			w.mu.Lock()
			defer w.mu.Unlock()
			if slow && w.random.IntN(5) == 0 {
				return time.Duration(w.random.IntN(300)) * time.Millisecond // beyond the drain
			}
			return 0
		}
		lives := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(1, 400), 0, 5), 2, 2).Draw(rt, "lives")
		synctest.Test(t, func(t *testing.T) {
			var claims sync.WaitGroup
			claims.Go(func() { w.life(t, cfg, sourceClaim(0), lives[0]) })
			claims.Go(func() { w.life(t, cfg, replayClaim(0), lives[1]) })
			for range 100_000 {
				if w.done() {
					break
				}
				elapse(30 * time.Millisecond)
				w.redrive()
			}
			claims.Wait()
			elapse(time.Minute) // what was left running ends
		})
		if len(w.faults) > 0 {
			rt.Fatal(w.faults[0])
		}
		for offset := range int64(len(w.log)) {
			if !w.over[offset] {
				rt.Fatalf("%d is lost", offset)
			}
			if rows := holds.held(w.log[offset]); len(rows) > 0 {
				rt.Fatalf("key %s is held by %v at the end", w.log[offset], rows)
			}
		}
	})
}
