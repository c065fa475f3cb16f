package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// ReplayCase is one case of the suite of replays.
type ReplayCase struct {
	Name string
	Run  func(c *replayScene)
}

// ReplayCases are the suite of redrive.Replays.
func ReplayCases() []ReplayCase {
	return []ReplayCase{
		{"A selection is frozen in the order of the log", frozen},
		{"One open claim per failure, however many ask", oneClaim},
		{"The same request is the same replay", sameRequest},
		{"Parked and foreign ones are left out", leftOut},
		{"A survey says what would happen", surveyed},
		{"Outcomes settle", settled},
		{"An outcome may be there before its record is written down", early},
		{"A report is resolved when it is published", reportSent},
		{"The loop cap parks", capped},
		{"An end gives back what is not published", ended},
		{"A cancel is for what runs", canceled},
		{"A lease has one owner", leased},
		{"What has no outcome is given back", lost},
	}
}

// RunReplays runs the suite, cases beside each other.
func RunReplays(t *testing.T, failures redrive.Failures, replays redrive.Replays) {
	t.Helper()
	for _, c := range ReplayCases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(&replayScene{scene: newScene(t, failures), r: replays})
		})
	}
}

// replayScene is a scene with replays.
type replayScene struct {
	*scene
	r redrive.Replays
}

func (c *replayScene) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("%v", err)
	}
}

// failed records a failure of each event, at ascending places, and answers their
// ids.
func (c *replayScene) failed(events ...string) []string {
	var ids []string
	for i, event := range events {
		l := c.letter(event, int64(100-i)) // the first in the log failed last
		c.record(l)
		ids = append(ids, l.ID)
	}
	return ids
}

// selection is all that is the scene's.
func (c *replayScene) selection() redrive.Selection {
	return redrive.Selection{Filter: c.mine(), Routes: []redrive.Route{
		{Topic: "vote.cast", Group: "vote-tally", To: "vote.cast.replay.vote-tally"}, {Topic: "vote.cast", To: "vote.cast"},
	}}
}

func (c *replayScene) replay(change ...func(*redrive.Replay)) redrive.Replay {
	r := redrive.Replay{ID: uuid.NewString(), Actor: "anna", Reason: "mended", Rate: 100, StopPermille: 100, CreatedAt: base, Filter: "all"}
	for _, f := range change {
		f(&r)
	}
	return r
}

func (c *replayScene) freeze() redrive.Replay {
	c.t.Helper()
	r, err := c.r.Freeze(c.t.Context(), c.replay(), c.selection())
	c.must(err)
	return r
}

func (c *replayScene) due(id string) []string {
	c.t.Helper()
	due, err := c.r.Due(c.t.Context(), id, 100)
	c.must(err)
	var ids []string
	for _, d := range due {
		ids = append(ids, d.ID)
	}
	return ids
}

// send writes down that everything due is at an offset of partition 2.
func (c *replayScene) send(id string, state letter.Item) {
	c.t.Helper()
	due, err := c.r.Due(c.t.Context(), id, 100)
	c.must(err)
	var sent []redrive.Sent
	for _, d := range due {
		sent = append(sent, redrive.Sent{Due: d, State: state, Partition: 2, Offset: 70 + d.Item, Detail: "sent"})
	}
	c.must(c.r.Sent(c.t.Context(), id, sent, base+10))
}

func (c *replayScene) hear(replay, failure string, failed bool) {
	c.t.Helper()
	c.must(c.r.Settle(c.t.Context(), []redrive.Outcome{{Replay: replay, Failure: failure, Group: "vote-tally", Failed: failed, Detail: "said"}}, base+20))
}

func (c *replayScene) expect(id string, want letter.Status) {
	c.t.Helper()
	if f := c.get(id); f.Status != want {
		c.t.Errorf("failure is %s, want %s", f.Status, want)
	}
}

func (c *replayScene) progress(id string) letter.Progress {
	c.t.Helper()
	r, err := c.r.Get(c.t.Context(), id)
	c.must(err)
	return r.Progress
}

// counts are the kinds' counts by status, which every move must keep.
func (c *replayScene) counts() map[letter.Status]int64 {
	c.t.Helper()
	counts := map[letter.Status]int64{}
	for _, status := range letter.Statuses() {
		groups, err := c.s.Groups(c.t.Context(), c.mine(is(letter.FieldStatus, status)), redrive.GroupMark{}, 10, base)
		c.must(err)
		for _, g := range groups {
			counts[status] += g.Count
		}
	}
	return counts
}

func frozen(c *replayScene) {
	ids := c.failed("a", "b", "c")
	r := c.freeze()
	if r.State != letter.Running || r.Waiting != 3 || r.Selected() != 3 || r.Actor != "anna" || r.Filter != "all" || r.Rate != 100 {
		c.t.Errorf("frozen %+v", r)
	}
	if due := c.due(r.ID); !slices.Equal(due, ids) {
		c.t.Errorf("due %v, want %v", due, ids)
	}
	f := c.get(ids[0])
	if f.Status != letter.Replaying || f.Replays != 1 {
		c.t.Errorf("failure %+v", f)
	}
	if h := c.history(ids[0]); len(h) == 0 || h[len(h)-1] != "anna REPLAYED mended" {
		c.t.Errorf("history %q", h)
	}
	if counts := c.counts(); counts[letter.Replaying] != 3 || counts[letter.Open] != 0 {
		c.t.Errorf("counts %v", counts)
	}
	c.record(c.letter("late", 1)) // what comes later is not in it
	if due := c.due(r.ID); len(due) != 3 {
		c.t.Errorf("due %v", due)
	}
	if _, err := c.r.Get(c.t.Context(), uuid.NewString()); !errors.Is(err, redrive.ErrNoReplay) {
		c.t.Errorf("a replay that is none: %v", err)
	}
}

func oneClaim(c *replayScene) {
	var events []string
	for n := range 40 {
		events = append(events, fmt.Sprint(n))
	}
	ids := c.failed(events...)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var replays []string
	for range 8 {
		wg.Go(func() {
			r, err := c.r.Freeze(c.t.Context(), c.replay(), c.selection())
			if errors.Is(err, redrive.ErrNothingSelected) {
				return
			}
			if err != nil {
				c.t.Errorf("freezing: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			replays = append(replays, r.ID)
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for _, id := range replays {
		for _, failure := range c.due(id) {
			seen[failure]++
			if holder, err := c.r.Holder(c.t.Context(), failure); err != nil || holder != id {
				c.t.Errorf("holder %q, %v, want %s", holder, err, id)
			}
		}
	}
	for _, id := range ids {
		if seen[id] != 1 {
			c.t.Errorf("failure %s is in %d replays", id, seen[id])
		}
	}
	if f := c.get(ids[0]); f.Replays != 1 {
		c.t.Errorf("brought back %d times", f.Replays)
	}
}

func sameRequest(c *replayScene) {
	c.failed("a")
	named := func(r *redrive.Replay) { r.RequestID = c.service }
	first, err := c.r.Freeze(c.t.Context(), c.replay(named), c.selection())
	c.must(err)
	c.record(c.letter("b", 2))
	again, err := c.r.Freeze(c.t.Context(), c.replay(named), c.selection())
	if err != nil || again != first {
		c.t.Errorf("again %+v, %v, want %+v", again, err, first)
	}
}

func leftOut(c *replayScene) {
	ids := c.failed("a", "b", "c")
	_, err := c.step(ids[1], letter.Claimed, base)
	c.must(err)
	_, err = c.step(ids[1], letter.Capped, base)
	c.must(err)
	_, err = c.step(ids[2], letter.DiscardedByOperator, base)
	c.must(err)
	c.record(c.letter("foreign", 1, func(l *letter.Letter) { l.Group = "billing" }),
		c.letter("nowhere", 1, func(l *letter.Letter) { l.Partition, l.Offset = letter.NoPlace, letter.NoPlace }))
	r := c.freeze()
	if due := c.due(r.ID); !slices.Equal(due, ids[:1]) {
		c.t.Errorf("due %v, want %v", due, ids[:1])
	}
	sel := c.selection()
	sel.Parked = true
	parked, err := c.r.Freeze(c.t.Context(), c.replay(), sel)
	c.must(err)
	if due := c.due(parked.ID); !slices.Equal(due, ids[1:2]) {
		c.t.Errorf("with parked ones due %v, want %v", due, ids[1:2])
	}
	if _, err := c.r.Freeze(c.t.Context(), c.replay(), sel); !errors.Is(err, redrive.ErrNothingSelected) {
		c.t.Errorf("nothing is left: %v", err)
	}
}

func surveyed(c *replayScene) {
	same := func(l *letter.Letter) { l.Failure.Key, l.Record.Key = c.service, []byte(c.service) }
	other := func(l *letter.Letter) { same(l); l.Class = "PERMANENT" }
	done := c.failed("done")
	_, err := c.step(done[0], letter.Applied, base)
	c.must(err)
	c.record(c.letter("1", 1, other), c.letter("2", 2, same), c.letter("3", 3, other), c.letter("4", 4, same), c.letter("5", 5, other))
	c.record(c.letter("report", 1, func(l *letter.Letter) { l.Group, l.Partition, l.Offset = "", letter.NoPlace, letter.NoPlace }))
	sel := c.selection()
	sel.Filter = c.mine(is(letter.FieldClass, "RETRYABLE"))
	s, err := c.r.Survey(c.t.Context(), sel, 10)
	c.must(err)
	want := []redrive.Destination{{Topic: "vote.cast", Count: 1}, {Topic: "vote.cast.replay.vote-tally", Count: 2}}
	if s.Selected != 3 || !slices.Equal(s.Destinations, want) || s.AlreadyResolved != 1 {
		c.t.Errorf("survey %+v", s)
	}
	if !slices.Equal(s.Conflicts, []redrive.Conflict{{Group: "vote-tally", Key: c.service, Earlier: 2}}) {
		c.t.Errorf("conflicts %+v, want those before the fourth", s.Conflicts)
	}
	if counts := c.counts(); counts[letter.Replaying] != 0 {
		c.t.Errorf("a survey moved something: %v", counts)
	}
}

func settled(c *replayScene) {
	ids := c.failed("a", "b", "c")
	r := c.freeze()
	c.send(r.ID, letter.Published)
	for range 2 { // read twice
		c.hear(r.ID, ids[0], false)
		c.hear(r.ID, ids[1], true)
	}
	if p := c.progress(r.ID); p != (letter.Progress{Applied: 1, Failed: 1, Outstanding: 1}) {
		c.t.Errorf("progress %+v", p)
	}
	c.expect(ids[0], letter.Resolved)
	c.expect(ids[1], letter.Open)
	c.expect(ids[2], letter.Replaying)
	if f := c.get(ids[0]); f.ClosedAt != base+20 {
		c.t.Errorf("closed at %d", f.ClosedAt)
	}
	if h := c.history(ids[1]); !slices.Equal(h[len(h)-2:], []string{"anna REPLAYED mended", "system FAILED_AGAIN said"}) {
		c.t.Errorf("history %q", h)
	}
	if h := c.history(ids[0]); !slices.Equal(h[len(h)-2:], []string{"anna REPLAYED mended", "system APPLIED said"}) {
		c.t.Errorf("history %q", h)
	}
	c.hear(r.ID, ids[1], false) // it was published twice, and applied at last
	c.expect(ids[1], letter.Resolved)
	c.hear(uuid.NewString(), ids[2], false) // of another replay
	c.hear(r.ID, uuid.NewString(), false)
	c.expect(ids[2], letter.Replaying)
	if counts := c.counts(); counts[letter.Resolved] != 2 || counts[letter.Replaying] != 1 || counts[letter.Open] != 0 {
		c.t.Errorf("counts %v", counts)
	}
}

func early(c *replayScene) {
	ids := c.failed("a")
	r := c.freeze()
	due, err := c.r.Due(c.t.Context(), r.ID, 10)
	c.must(err)
	c.hear(r.ID, ids[0], false)
	c.must(c.r.Sent(c.t.Context(), r.ID, []redrive.Sent{{Due: due[0], State: letter.Published, Partition: 1, Offset: 5}}, base))
	if p := c.progress(r.ID); p != (letter.Progress{Applied: 1}) {
		c.t.Errorf("progress %+v", p)
	}
	c.expect(ids[0], letter.Resolved)
}

func reportSent(c *replayScene) {
	l := c.letter("report", 1, func(l *letter.Letter) { l.Group, l.Partition, l.Offset = "", letter.NoPlace, letter.NoPlace })
	c.record(l)
	r := c.freeze()
	c.send(r.ID, letter.ItemApplied)
	c.expect(l.ID, letter.Resolved)
	if p := c.progress(r.ID); p != (letter.Progress{Applied: 1}) {
		c.t.Errorf("progress %+v", p)
	}
	if h := c.history(l.ID); h[len(h)-1] != "system APPLIED sent" {
		c.t.Errorf("history %q", h)
	}
	skipped := c.failed("skipped")
	r = c.freeze()
	c.send(r.ID, letter.Skipped)
	c.expect(skipped[0], letter.Open)
	if f := c.get(skipped[0]); f.Replays != 0 {
		c.t.Errorf("what was not published counts as replayed: %d", f.Replays)
	}
}

func capped(c *replayScene) {
	ids := c.failed("a")
	for n := range letter.LoopCap {
		c.expect(ids[0], letter.Open)
		r := c.freeze()
		c.send(r.ID, letter.Published)
		c.hear(r.ID, ids[0], true)
		if f := c.get(ids[0]); f.Replays != int32(n+1) { //nolint:gosec // small
			c.t.Errorf("brought back %d times after replay %d", f.Replays, n+1)
		}
	}
	c.expect(ids[0], letter.Parked)
}

func ended(c *replayScene) {
	ids := c.failed("a", "b", "c")
	r := c.freeze()
	due, err := c.r.Due(c.t.Context(), r.ID, 1)
	c.must(err)
	c.must(c.r.Sent(c.t.Context(), r.ID, []redrive.Sent{{Due: due[0], State: letter.Published, Partition: 1, Offset: 5}}, base))
	c.must(c.r.End(c.t.Context(), r.ID, letter.Stopped, "too many", base+30))
	got, err := c.r.Get(c.t.Context(), r.ID)
	c.must(err)
	if got.State != letter.Stopped || got.EndedAt != base+30 || got.StopReason != "too many" || got.Progress != (letter.Progress{Outstanding: 1, Skipped: 2}) {
		c.t.Errorf("ended %+v", got)
	}
	c.expect(ids[0], letter.Replaying)
	for _, id := range ids[1:] {
		c.expect(id, letter.Open)
		if f := c.get(id); f.Replays != 0 {
			c.t.Errorf("what was given back counts as replayed: %d", f.Replays)
		}
	}
	c.hear(r.ID, ids[0], false) // what was published goes on to its outcome
	c.expect(ids[0], letter.Resolved)
	if counts := c.counts(); counts[letter.Open] != 2 || counts[letter.Resolved] != 1 || counts[letter.Replaying] != 0 {
		c.t.Errorf("counts %v", counts)
	}
	if again := c.freeze(); again.Waiting != 2 {
		c.t.Errorf("what was given back is taken again: %+v", again)
	}
}

func canceled(c *replayScene) {
	ids := c.failed("a")
	r := c.freeze()
	e := redrive.Entry{At: base, Action: redrive.ActionCanceled, Actor: "ben", Detail: "wrong"}
	for range 2 {
		c.must(c.r.Cancel(c.t.Context(), r.ID, e))
	}
	if h := c.history(ids[0]); h[len(h)-1] != "ben REPLAY_CANCELED wrong" {
		c.t.Errorf("history %q", h)
	}
	c.must(c.r.End(c.t.Context(), r.ID, letter.Done, "", base+30)) // who ran it did not know
	if got, err := c.r.Get(c.t.Context(), r.ID); err != nil || got.State != letter.Canceled {
		c.t.Errorf("canceled %+v, %v", got, err)
	}
	if err := c.r.Cancel(c.t.Context(), r.ID, e); !errors.Is(err, redrive.ErrReplayEnded) {
		c.t.Errorf("canceled after its end: %v", err)
	}
	if err := c.r.Cancel(c.t.Context(), uuid.NewString(), e); !errors.Is(err, redrive.ErrNoReplay) {
		c.t.Errorf("canceled what is none: %v", err)
	}
}

func leased(c *replayScene) {
	c.failed("a")
	r := c.freeze()
	adopt := func(owner string, now int64) bool {
		ids, err := c.r.Adopt(c.t.Context(), owner, now, now+10, 1000)
		c.must(err)
		return slices.Contains(ids, r.ID)
	}
	renew := func(owner string, until int64) bool {
		ok, err := c.r.Renew(c.t.Context(), r.ID, owner, until)
		c.must(err)
		return ok
	}
	anna, ben := "anna-"+c.service, "ben-"+c.service
	const never = int64(1) << 60 // other scenes' leases are of no matter
	if !adopt(anna, never) || adopt(ben, never) || renew(ben, never) || !renew(anna, never+100) || adopt(ben, never+50) {
		c.t.Errorf("two owners, or none")
	}
	if !adopt(ben, never+200) || renew(anna, never+300) {
		c.t.Errorf("a lease that has passed is kept")
	}
	if !renew(ben, 0) || !adopt(anna, never) {
		c.t.Errorf("what was given up is not free")
	}
	c.must(c.r.End(c.t.Context(), r.ID, letter.Done, "", base))
	if adopt(ben, never+1000) {
		c.t.Errorf("what has ended is run")
	}
}

func lost(c *replayScene) {
	ids := c.failed("a", "b")
	r := c.freeze()
	c.send(r.ID, letter.Published)
	mine := func() []redrive.Unconfirmed {
		all, err := c.r.Unconfirmed(c.t.Context(), base+11, 1000)
		c.must(err)
		return slices.DeleteFunc(all, func(u redrive.Unconfirmed) bool { return u.Replay != r.ID })
	}
	waiting := mine()
	want := redrive.Unconfirmed{Replay: r.ID, Failure: ids[0], Topic: "vote.cast", Group: "vote-tally", Partition: 2, Offset: 70}
	if len(waiting) != 2 || waiting[0] != want && waiting[1] != want {
		c.t.Fatalf("unconfirmed %+v", waiting)
	}
	c.hear(r.ID, ids[1], false) // in between
	if n, err := c.r.Lose(c.t.Context(), waiting, base+40); n != 1 || err != nil {
		c.t.Errorf("gave back %d, %v", n, err)
	}
	c.expect(ids[0], letter.Open)
	c.expect(ids[1], letter.Resolved)
	if p := c.progress(r.ID); p != (letter.Progress{Applied: 1, Lost: 1}) || len(mine()) != 0 {
		c.t.Errorf("progress %+v", p)
	}
	if f := c.get(ids[0]); f.Replays != 1 {
		c.t.Errorf("it was brought back %d times", f.Replays)
	}
	c.hear(r.ID, ids[0], false) // it comes after all
	c.expect(ids[0], letter.Resolved)
}
