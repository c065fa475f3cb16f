package storetest

import (
	"slices"

	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

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
	due, err := c.r.Due(c.t.Context(), r.ID, 0, 10, 1<<20)
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

func lost(c *replayScene) {
	ids := c.failed("a", "b")
	r := c.freeze()
	c.send(r.ID, letter.Published)
	mine := func() []redrive.Unconfirmed {
		all, err := c.r.Unconfirmed(c.t.Context(), c.selection().Routes, base+11, 1000)
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
