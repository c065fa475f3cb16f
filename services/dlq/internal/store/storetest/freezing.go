package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

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
