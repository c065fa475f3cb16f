package storetest

import (
	"slices"
	"strings"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// passed are the scene's records of its route that stand below an offset of
// partition 2.
func (c *replayScene) passed(replay string, below int64) []redrive.Unconfirmed {
	c.t.Helper()
	all, err := c.r.Passed(c.t.Context(), c.selection().Routes[0], map[int32]int64{1: 1 << 40, 2: below}, 1000)
	c.must(err)
	return slices.DeleteFunc(all, func(u redrive.Unconfirmed) bool { return u.Replay != replay })
}

func passedBelow(c *replayScene) {
	ids := c.failed("a", "b", "c")
	r := c.freeze()
	c.send(r.ID, letter.Published) // at 70, 71 and 72 of partition 2
	want := []redrive.Unconfirmed{
		{Replay: r.ID, Failure: ids[0], Topic: "vote.cast", Group: "vote-tally", Partition: 2, Offset: 70},
		{Replay: r.ID, Failure: ids[1], Item: 1, Topic: "vote.cast", Group: "vote-tally", Partition: 2, Offset: 71},
	}
	got := c.passed(r.ID, 72)
	slices.SortFunc(got, func(a, b redrive.Unconfirmed) int { return int(a.Offset - b.Offset) })
	if !slices.Equal(got, want) {
		c.t.Errorf("passed %+v, want %+v", got, want)
	}
	if none := c.passed(r.ID, 70); len(none) != 0 {
		c.t.Errorf("passed %+v", none)
	}
	other := c.selection().Routes[0]
	other.Group = "billing"
	if none, err := c.r.Passed(c.t.Context(), other, map[int32]int64{2: 100}, 1000); err != nil || slices.ContainsFunc(none, func(u redrive.Unconfirmed) bool { return u.Replay == r.ID }) {
		c.t.Errorf("of another group: %+v, %v", none, err)
	}
	if none, err := c.r.Unconfirmed(c.t.Context(), []redrive.Route{other}, base<<1, 1000); err != nil || slices.ContainsFunc(none, func(u redrive.Unconfirmed) bool { return u.Replay == r.ID }) {
		c.t.Errorf("unconfirmed of another group: %+v, %v", none, err)
	}
}

func inferred(c *replayScene) {
	ids := c.failed("silent", "failing", "refuted", "older")
	r := c.freeze()
	c.send(r.ID, letter.Published)
	passed := c.passed(r.ID, 100)
	c.hear(r.ID, ids[1], true) // in between
	for _, want := range []int{3, 0} {
		if n, err := c.r.Infer(c.t.Context(), passed, base+40); n != want || err != nil {
			c.t.Errorf("inferred %d, %v, want %d", n, err, want)
		}
	}
	c.expect(ids[0], letter.Resolved)
	c.expect(ids[1], letter.Open)
	if h := c.history(ids[0]); !strings.HasPrefix(h[len(h)-1], "system APPLIED by its offset: vote-tally has passed vote.cast/2@70") {
		c.t.Errorf("history %q", h)
	}
	c.refuted(r.ID, ids)
	if p := c.progress(r.ID); p != (letter.Progress{Applied: 1, Failed: 3}) {
		c.t.Errorf("progress %+v", p)
	}
	if counts := c.counts(); counts[letter.Resolved] != 1 || counts[letter.Open] != 3 || counts[letter.Replaying] != 0 {
		c.t.Errorf("counts %v", counts)
	}
}

// refuted has letters come of two that were taken for applied: of one that failed
// later than that, and of one whose letter bears the record's own time, as
// Connect's do. Both are open again, and heard twice they are so no more.
func (c *replayScene) refuted(replay string, ids []string) {
	c.record(c.letter("refuted", 200, func(l *letter.Letter) { l.Place.Offset = 900; l.LastFailedAt = base + 1<<40 }))
	for range 2 {
		c.hear(replay, ids[2], true)
		c.hear(replay, ids[3], true)
	}
	c.expect(ids[2], letter.Open)
	c.expect(ids[3], letter.Open)
	if h := c.history(ids[3]); h[len(h)-1] != "system FAILED_AGAIN said" {
		c.t.Errorf("history %q", h)
	}
}
