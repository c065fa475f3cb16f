package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// long is long before every other scene: a second into 1970. What one scene here
// expires is older than what the next ones keep.
const long = int64(1_000_000)

func expiry(t T, s redrive.Failures) {
	c := newScene(t, s)
	open, closed, later := c.letter("open", 0), c.letter("closed", 0), c.letter("later", 0)
	reopened := c.letter("reopened", 0)
	c.record(open, closed, later, reopened)
	for id, at := range map[string]int64{closed.ID: 100 * long, later.ID: 200 * long, reopened.ID: 100 * long} {
		if _, err := c.step(id, letter.DiscardedByOperator, at); err != nil {
			t.Fatalf("%v", err)
		}
	}
	if _, err := c.step(reopened.ID, letter.RestoredByOperator, 100*long); err != nil {
		t.Fatalf("%v", err)
	}
	if _, err := s.Expire(t.Context(), 100*long+1, 1000); err != nil {
		t.Errorf("%v", err)
	}
	if _, err := s.Get(t.Context(), closed.ID); !errors.Is(err, redrive.ErrNoFailure) {
		t.Errorf("an expired failure is there: %v", err)
	}
	if _, err := s.Raw(t.Context(), closed.ID); err == nil {
		t.Errorf("the record of an expired failure is there")
	}
	c.get(open.ID)
	c.get(later.ID)
	c.get(reopened.ID)
	c.expectGroup(letter.Open, 2)
	c.expectGroup(letter.Discarded, 1)
}

// trail answers what is kept about a failure, the oldest first.
func (c *scene) trail(id string) []string {
	c.t.Helper()
	found, err := c.s.Trail(c.t.Context(), redrive.AuditQuery{Failure: id}, 1000)
	if err != nil {
		c.t.Fatalf("the trail of failure %s: %v", id, err)
	}
	var words []string
	for _, a := range slices.Backward(found) {
		if a.Failure != id || a.ID == "" {
			c.t.Errorf("an entry of %s is %+v", id, a)
		}
		words = append(words, a.Actor+" "+a.Action)
	}
	return words
}

func trailOutlives(t T, s redrive.Failures) {
	c := newScene(t, s)
	decided, alone, kept := c.letter("decided", 0), c.letter("alone", 0), c.letter("kept", 0)
	c.record(decided, alone, kept)
	c.record(c.letter("decided", 1)) // it fails again
	if _, err := c.step(decided.ID, letter.DiscardedByOperator, 10*long); err != nil {
		t.Fatalf("%v", err)
	}
	if err := s.Note(t.Context(), kept.ID, redrive.Entry{At: 10 * long, Action: redrive.ActionViewed, Actor: "anna"}); err != nil {
		t.Fatalf("%v", err)
	}
	// The group applied it by itself.
	if _, err := s.Step(t.Context(), alone.ID, letter.Applied, redrive.Entry{At: 10 * long, Action: "APPLIED", Actor: redrive.System}); err != nil {
		t.Fatalf("%v", err)
	}
	if _, err := s.Expire(t.Context(), 10*long+1, 1000); err != nil {
		t.Fatalf("%v", err)
	}
	if got := c.trail(decided.ID); !slices.Equal(got, []string{"system FAILED", "anna STEP_8", "system EXPIRED"}) {
		t.Errorf("trail %q", got)
	}
	if got := c.trail(alone.ID); len(got) != 0 {
		t.Errorf("the trail of what nobody touched: %q", got)
	}
	last, err := s.Trail(t.Context(), redrive.AuditQuery{Failure: decided.ID, Action: redrive.ActionExpired}, 10)
	if err != nil || len(last) != 1 {
		t.Fatalf("last entry %+v, %v", last, err)
	}
	for _, word := range []string{c.service, decided.EventID, "vote.cast/3@", "vote-tally", "key-decided", "RETRYABLE SQL: timeout", "DISCARDED"} {
		if !strings.Contains(last[0].Detail, word) {
			t.Errorf("%q does not say %q", last[0].Detail, word)
		}
	}
	// What is old goes, of failures that are there no more.
	if n, err := s.ExpireTrail(t.Context(), 10*long+1, 1000); n == 0 || err != nil {
		t.Errorf("%d entries expired, %v", n, err)
	}
	if got := c.trail(decided.ID); !slices.Equal(got, []string{"system FAILED", "system EXPIRED"}) {
		t.Errorf("trail %q", got)
	}
	if got := c.trail(kept.ID); !slices.Equal(got, []string{"anna VIEWED"}) {
		t.Errorf("the trail of a failure that is there: %q", got)
	}
}

func trailListed(t T, s redrive.Failures) {
	c := newScene(t, s)
	l := c.letter("seen", 0)
	c.record(l)
	anna, ben := "anna"+c.service, "ben"+c.service
	begun := time.Now().Add(-time.Second).UnixMicro()
	for i := range 5 {
		for _, actor := range []string{anna, ben} {
			e := redrive.Entry{At: base, Action: redrive.ActionViewed, Actor: actor, Detail: fmt.Sprint(i), Replay: "r"}
			if err := s.Note(t.Context(), l.ID, e); err != nil {
				t.Fatalf("%v", err)
			}
		}
	}
	var read []string
	for q := (redrive.AuditQuery{Actor: anna, Since: begun}); ; {
		page, err := s.Trail(t.Context(), q, 2)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, a := range page {
			read = append(read, a.Detail)
			q.After = a.ID
			if a.Actor != anna || a.At != base || a.Action != redrive.ActionViewed || a.Replay != "r" {
				t.Errorf("entry %+v", a)
			}
		}
		if len(page) < 2 {
			break
		}
	}
	if !slices.Equal(read, []string{"4", "3", "2", "1", "0"}) {
		t.Errorf("read %q", read)
	}
	for name, q := range map[string]redrive.AuditQuery{
		"before it was written": {Actor: anna, Until: begun},
		"after it was written":  {Actor: anna, Since: time.Now().Add(time.Hour).UnixMicro()},
		"another action":        {Actor: anna, Action: redrive.ActionDiscarded},
		"another failure":       {Actor: anna, Failure: "00000000-0000-0000-0000-000000000000"},
		"the system's":          {Actor: redrive.System, Failure: l.ID},
	} {
		if found, err := s.Trail(t.Context(), q, 10); len(found) != 0 || err != nil {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	// Without an actor, people's entries alone, of whatever failure.
	everybody, err := s.Trail(t.Context(), redrive.AuditQuery{Since: begun}, 1000)
	if err != nil || len(everybody) < 10 {
		t.Errorf("%d entries, %v", len(everybody), err)
	}
	for _, a := range everybody {
		if a.Actor == redrive.System {
			t.Errorf("nobody did %+v", a)
		}
	}
}

func statisticsExpire(t T, s redrive.Failures) {
	c := newScene(t, s)
	c.record(c.letter("ancient", -base/1e6), c.letter("today", 0))
	for {
		n, err := s.ExpireTrail(t.Context(), long, 1)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if n == 0 {
			break
		}
	}
	for since, want := range map[int64]int{0: 0, base: 1} {
		all, err := s.Series(t.Context(), redrive.Span{Since: since, Width: 10e6, Buckets: 3})
		mine := slices.DeleteFunc(all, func(one redrive.Series) bool { return one.Service != c.service })
		if len(mine) != want || err != nil {
			t.Errorf("series since %d: %+v, %v", since, mine, err)
		}
	}
}

func replaysExpire(c *replayScene) {
	ids := c.failed("a", "b", "c")
	r := c.freeze()
	c.send(r.ID, letter.Published)
	c.hear(r.ID, ids[0], false)
	c.must(c.r.End(c.t.Context(), r.ID, letter.Canceled, "", long))
	expire := func(before int64) {
		for {
			n, err := c.s.ExpireReplays(c.t.Context(), before, 2)
			c.must(err)
			if n == 0 {
				return
			}
		}
	}
	expire(2 * long)
	if p := c.progress(r.ID); p.Selected() != 3 {
		c.t.Errorf("a replay expired that awaits outcomes: %+v", p)
	}
	c.hear(r.ID, ids[1], false)
	c.hear(r.ID, ids[2], true)
	expire(long)
	if p := c.progress(r.ID); p.Selected() != 3 {
		c.t.Errorf("a replay expired before its time: %+v", p)
	}
	expire(2 * long)
	if _, err := c.r.Get(c.t.Context(), r.ID); !errors.Is(err, redrive.ErrNoReplay) {
		c.t.Errorf("a replay is there: %v", err)
	}
	c.hear(r.ID, ids[2], false) // nobody knows it any more
	c.expect(ids[0], letter.Resolved)
	c.expect(ids[2], letter.Open)
	if again := c.freeze(); again.Selected() != 1 {
		c.t.Errorf("what failed again is replayed again: %+v", again)
	}
}
