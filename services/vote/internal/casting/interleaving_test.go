package casting_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
)

// world is one partition with both of its consumers, whose every step can be
// redelivered, fenced off, killed or lied to.
type world struct {
	t      *rapid.T
	poll   ballot.Poll
	log    *fakeLog
	view   *timeView
	floors *fakeFloors
	ledger *fakeLedger
	tally  *casting.Tally
	books  *casting.Books
	cache  *casting.PollCache

	claim   *casting.TallyClaim
	stop    context.CancelFunc
	zombies []*zombie
	cancels []context.CancelFunc
	// next is what is delivered next, committed what a new owner begins with.
	next, committed, ledgerNext int64
	// parked are dead letters of each group, to be replayed.
	parkedTally, parkedLedger []casting.Event
}

func newWorld(t *rapid.T) *world {
	w := &world{
		t: t, log: &fakeLog{}, floors: &fakeFloors{floors: map[casting.Shard]casting.Floor{}}, ledger: newFakeLedger(),
		view: newTimeView(func() casting.View { return store.NewMemoryView(time.Hour) }),
		poll: ballot.Poll{
			ID: "p", Candidates: []ballot.Candidate{{ID: "a"}, {ID: "b"}}, OpensAt: 100,
			ClosesAt:      rapid.SampledFrom([]int64{0, 900}).Draw(t, "closesAt"),
			VotesPerVoter: rapid.IntRange(1, 2).Draw(t, "perVoter"),
			Window:        rapid.SampledFrom([]time.Duration{0, 300 * time.Microsecond}).Draw(t, "window"),
		},
	}
	w.cache = casting.NewPollCache(&fakePolls{poll: w.poll}, time.Second)
	w.tally = casting.NewTally(casting.TallyConfig{ViewTTL: time.Hour}, w.view, w.floors, w.ledger, w.log, w.cache, slog.New(slog.DiscardHandler))
	w.books = casting.NewBooks(w.ledger, w.cache)
	w.takeOver()
	return w
}

// takeOver begins a new claim at the committed offset; the one before goes on
// as a zombie.
func (w *world) takeOver() {
	if w.claim != nil {
		w.zombies = append(w.zombies, &zombie{w.claim, w.next})
	}
	ctx, stop := context.WithCancel(w.t.Context())
	w.cancels = append(w.cancels, stop)
	claim, err := w.tally.Claim(ctx, 0)
	w.must(err)
	w.claim, w.stop, w.next = claim, stop, w.committed
}

// crash ends the claim at once, then begins another.
func (w *world) crash() {
	w.stop()
	w.claim.Wait()
	w.claim = nil
	w.takeOver()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) append() {
	voter := rapid.SampledFrom([]string{"anna", "ben", "cleo"}).Draw(w.t, "voter")
	offset := int64(len(w.log.events))
	e := casting.Event{Shard: casting.Shard{Poll: "p", Number: topics.VoteShard(voter)}, Voter: voter, Offset: offset}
	if rapid.IntRange(0, 7).Draw(w.t, "kind") == 0 {
		e.Void = &ballot.Void{Offset: offset, Reason: "fraud", IDs: rapid.SliceOfN(rapid.StringMatching("v[0-3]"), 0, 1).Draw(w.t, "voided")}
	} else {
		e.Vote = &ballot.Vote{
			ID: rapid.StringMatching("v[0-3]").Draw(w.t, "id"), Candidate: rapid.SampledFrom([]string{"a", "b", "x"}).Draw(w.t, "candidate"),
			Offset: offset, AcceptedAt: rapid.Int64Range(50, 1_000).Draw(w.t, "at"),
		}
	}
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.log.events = append(w.log.events, e)
}

// slice takes up to n delivered events from an offset; some are dead-lettered.
func (w *world) slice(from int64, n int, parked *[]casting.Event) []casting.Event {
	to := min(from+int64(n), int64(len(w.log.events)))
	events := slices.Clone(w.log.events[from:to])
	if len(events) > 1 && rapid.IntRange(0, 4).Draw(w.t, "park") == 0 {
		i := rapid.IntRange(0, len(events)-1).Draw(w.t, "parked")
		*parked = append(*parked, events[i])
		events = slices.Delete(events, i, i+1)
	}
	return events
}

// deliver hands the owner its next records; a failed attempt is made again.
func (w *world) deliver(n int) {
	events := w.slice(w.next, n, &w.parkedTally)
	w.insist("a slice of the tally", func() error { _, err := w.claim.Apply(w.t.Context(), events); return err })
	w.next = min(w.next+int64(n), int64(len(w.log.events)))
}

// insist tries until it succeeds: nothing here is away for longer than a lost
// answer or a rebuild.
func (w *world) insist(what string, try func() error) {
	w.t.Helper()
	for tries := 1; ; tries++ {
		err := try()
		if err == nil {
			return
		}
		if tries == 30 {
			w.t.Fatalf("%s fails for the %dth time: %v%s", what, tries, err, w.story())
		}
		time.Sleep(time.Second) //nolint:forbidigo // virtual time: the rebuild goes on
	}
}

func (w *world) commit() {
	w.must(w.claim.Commit(w.t.Context()))
	w.committed = w.next
}

// zombie is a former owner that has not heard of its revocation: it goes on
// where it was, or tries its last slice again.
type zombie struct {
	claim *casting.TallyClaim
	next  int64
}

func (w *world) zombie() {
	if len(w.zombies) == 0 {
		return
	}
	z := rapid.SampledFrom(w.zombies).Draw(w.t, "zombie")
	from := rapid.Int64Range(max(0, z.next-2), z.next).Draw(w.t, "zombieFrom")
	to := min(from+3, int64(len(w.log.events)))
	if _, err := z.claim.Apply(w.t.Context(), slices.Clone(w.log.events[from:to])); err == nil {
		z.next = max(z.next, to)
	}
}

// retain has retention take what both groups have committed; a dead letter
// holds back nothing, as its record is kept in it.
func (w *world) retain() {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	keep := min(w.committed, w.ledgerNext)
	for _, e := range slices.Concat(w.parkedTally, w.parkedLedger) {
		keep = min(keep, e.Offset)
	}
	w.log.first = max(w.log.first, keep)
}

func (w *world) book(n int) {
	events := w.slice(w.ledgerNext, n, &w.parkedLedger)
	w.ledger.loseAnswer = rapid.IntRange(0, 3).Draw(w.t, "lose") == 0
	w.insist("a slice of the ledger", func() error { _, err := w.books.Record(w.t.Context(), events); return err })
	if rapid.Bool().Draw(w.t, "ledgerCommits") {
		w.ledgerNext = min(w.ledgerNext+int64(n), int64(len(w.log.events)))
	}
}

// replay brings a group's dead letters back, in any order, more than once: from
// the second time on it is found done.
func (w *world) replay(parked []casting.Event, apply func(context.Context, []casting.Event) (casting.Findings, error)) {
	done := map[int64]bool{}
	for _, e := range rapid.Permutation(append(slices.Clone(parked), parked...)).Draw(w.t, "replayed") {
		e.Replayed, e.Place = true, 7
		var found casting.Findings
		w.insist(fmt.Sprintf("the replay of %d", e.Offset), func() (err error) {
			found, err = apply(w.t.Context(), []casting.Event{e})
			return err
		})
		if done[e.Offset] && !slices.Equal(found.Already, []int{7}) {
			w.t.Fatalf("the second replay of %d finds %v%s", e.Offset, found.Already, w.story())
		}
		done[e.Offset] = true
	}
}

// settle delivers what is left to both groups and replays every dead letter.
func (w *world) settle() {
	w.deliver(len(w.log.events))
	w.commit()
	w.book(len(w.log.events))
	w.ledgerNext = int64(len(w.log.events))
	time.Sleep(5 * time.Second) //nolint:forbidigo // virtual time: verify and rebuild run
	w.replay(w.parkedTally, w.tally.Replay)
	w.replay(w.parkedLedger, w.books.Record)
}

// want counts the log by the rules alone, in order.
func (w *world) want() ballot.Counts {
	counts := ballot.NewCounts(2)
	voters, known := map[string]*ballot.Voter{}, map[string]ballot.Known{}
	for _, e := range w.log.events {
		if voters[e.Voter] == nil {
			voters[e.Voter] = &ballot.Voter{}
		}
		if e.Void != nil {
			counts.Apply(&w.poll, voters[e.Voter].Void(&w.poll, *e.Void), false)
			continue
		}
		ts := voters[e.Voter].Cast(&w.poll, *e.Vote, known[e.Voter+e.Vote.ID])
		counts.Apply(&w.poll, ts, false)
		for _, t := range ts {
			delete(known, e.Voter+t.Vote.ID)
			if t.To == ballot.Rejected {
				known[e.Voter+t.Vote.ID] = ballot.Known{Seen: true, Offset: t.Vote.Offset, Reason: t.Reason}
			}
		}
	}
	return counts
}

// Whatever is redelivered, taken over, left to a zombie, killed, emptied, set
// back, dead-lettered and replayed, and in whichever order: live view and
// ledger end with what the log says, and a recount finds no difference.
func TestAnyInterleavingGivesTheSameCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(inBubble{t}, func(rt *rapid.T) {
			w := newWorld(rt)
			defer w.end()
			steps := map[string]func(*rapid.T){
				"append":   func(*rapid.T) { w.append() },
				"append2":  func(*rapid.T) { w.append(); w.append() },
				"deliver":  func(t *rapid.T) { w.deliver(rapid.IntRange(1, 4).Draw(t, "n")) },
				"lose":     func(t *rapid.T) { w.view.loseAnswer = true; w.deliver(rapid.IntRange(1, 4).Draw(t, "n")) },
				"book":     func(t *rapid.T) { w.book(rapid.IntRange(1, 4).Draw(t, "n")) },
				"commit":   func(*rapid.T) { w.commit() },
				"crash":    func(*rapid.T) { w.crash() },
				"takeOver": func(*rapid.T) { w.takeOver() },
				"zombie":   func(*rapid.T) { w.zombie() },
				"empty":    func(*rapid.T) { w.view.empty() },
				"snapshot": func(*rapid.T) { w.view.snapshot() },
				"setBack":  func(*rapid.T) { w.view.setBack() },
				"retain":   func(t *rapid.T) { w.retain() },
				"idle":     func(*rapid.T) { time.Sleep(1500 * time.Millisecond) }, //nolint:forbidigo // virtual time
			}
			rt.Repeat(steps)
			w.settle()
			w.check()
		})
	})
}

// inBubble hides *testing.T from rapid, whose deadline may not be asked for in a
// synctest bubble.
type inBubble struct{ rapid.TB }

func (w *world) end() {
	for _, cancel := range w.cancels {
		cancel()
	}
	synctest.Wait()
}

func (w *world) check() {
	want := w.want()
	reading, err := casting.NewCounter(w.cache, w.view, w.floors, w.ledger, w.log).Read(w.t.Context(), "p")
	w.must(err)
	ledger := ballot.NewCounts(2)
	for _, row := range w.ledger.rows {
		ledger.Add(row.Counts)
	}
	reading.Counts.Corrections, ledger.Corrections = 0, 0
	if diff := cmp.Diff(want, reading.Counts); diff != "" {
		w.t.Fatalf("live (-log +live):\n%s%s", diff, w.story())
	}
	if diff := cmp.Diff(want, ledger); diff != "" {
		w.t.Fatalf("ledger (-log +ledger):\n%s%s", diff, w.story())
	}
	c, err := casting.NewRecounter(w.cache, w.view, w.ledger, w.log).Recount(w.t.Context(), "p")
	w.must(err)
	if len(c.Differences) > 0 {
		w.t.Fatalf("recount finds %+v%s", c.Differences, w.story())
	}
}

func (w *world) story() string {
	s := ""
	for _, e := range w.log.events {
		s += fmt.Sprintf("\n%d %s %+v %+v", e.Offset, e.Voter, e.Vote, e.Void)
	}
	return s
}
