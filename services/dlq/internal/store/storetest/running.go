package storetest

import (
	"errors"
	"slices"

	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

func ended(c *replayScene) {
	ids := c.failed("a", "b", "c")
	r := c.freeze()
	due, err := c.r.Due(c.t.Context(), r.ID, 0, 1, 1<<20)
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
