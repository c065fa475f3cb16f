package storetest

import (
	"slices"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// already: a group that finds an effect done resolves the failure; of a replay
// that applied it too, in whichever order it says so, it is told that it did.
func already(c *replayScene) {
	ids := c.failed("a", "b", "c")
	r := c.freeze()
	c.send(r.ID, letter.Published)
	found := func(failure string) {
		o := redrive.Outcome{Replay: r.ID, Failure: failure, Group: "vote-tally", Already: true}
		c.must(c.r.Settle(c.t.Context(), []redrive.Outcome{o}, base+20))
	}
	found(ids[0])
	found(ids[0])
	found(ids[1])
	c.hear(r.ID, ids[1], false)
	c.hear(r.ID, ids[2], false)
	found(ids[2])
	if p := c.progress(r.ID); p != (letter.Progress{Already: 1, Applied: 2}) {
		c.t.Errorf("progress %+v", p)
	}
	for _, id := range ids {
		c.expect(id, letter.Resolved)
	}
	if h := c.history(ids[0]); !slices.Equal(h[len(h)-2:], []string{"anna REPLAYED mended", "system ALREADY_APPLIED "}) {
		c.t.Errorf("history %q", h)
	}
	if counts := c.counts(); counts[letter.Resolved] != 3 || counts[letter.Replaying] != 0 {
		c.t.Errorf("counts %v", counts)
	}
}
