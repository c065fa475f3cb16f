package storetest

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// deciding are the cases of decisions: edits, and discards that a group is told.
func deciding() []ReplayCase {
	return []ReplayCase{
		{"An edit closes its event in all groups", edited},
		{"An event is replaced once", editedOnce},
		{"An outcome that came first refuses an edit", outcomeFirst},
		{"An edit, a replay and an outcome at once", editedAtOnce},
		{"A discard is told", discardTold},
		{"A decision waits for the one before", decisionPending},
	}
}

// inBoth records an event's failure in two groups and a client's report of it, and
// answers their ids, that of vote-tally first.
func (c *replayScene) inBoth(event string) []string {
	var ids []string
	for _, group := range []string{"vote-tally", "vote-ledger", ""} {
		l := c.letter(event, 1, func(l *letter.Letter) {
			l.ID, l.Group, l.Class = uuid.NewSHA1(uuid.NameSpaceOID, []byte(c.service+event+group)).String(), group, "PERMANENT"
		})
		c.record(l)
		ids = append(ids, l.ID)
	}
	return ids
}

// edit is a decision to put another event in one's place, as seen from a failure.
func (c *replayScene) edit(failure, by string) redrive.Decision {
	replay := c.replay()
	f := c.get(failure)
	return redrive.Decision{
		Replay: replay, Step: letter.Replaced, Failure: failure,
		Entry:    redrive.Entry{At: base + 5, Action: redrive.ActionEdited, Actor: "anna", Detail: "because"},
		Replaces: &redrive.Replacement{Topic: f.Topic, Original: f.EventID, By: by, Digest: "d-" + by, Replay: replay.ID},
		Outgoing: []redrive.Outgoing{
			{Failure: failure, Topic: "vote.cast", Record: letter.Record{Key: []byte("k"), Value: []byte(by), Headers: []letter.Header{{Key: "a", Value: []byte("1")}}}},
			{Failure: failure, Topic: "vote.cast.replay.vote-tally", Record: letter.Record{Key: []byte("k")}},
		},
	}
}

func (c *replayScene) decide(d redrive.Decision) error { return c.r.Decide(c.t.Context(), d) }

func edited(c *replayScene) {
	ids := c.inBoth("a")
	other := c.failed("b")[0]
	d := c.edit(ids[0], "by")
	var seen []letter.Failure
	d.May = func(now []letter.Failure) error {
		seen = now
		return nil
	}
	c.must(c.decide(d))
	for _, id := range ids {
		if f := c.get(id); f.Status != letter.Resolved || f.ClosedAt != base+5 {
			c.t.Errorf("failure %+v", f)
		}
		if h := c.history(id); len(h) != 1 || h[0] != "anna EDITED because" {
			c.t.Errorf("history %q", h)
		}
	}
	c.expect(other, letter.Open)
	if counts := c.counts(); len(seen) != 3 || counts[letter.Resolved] != 3 || counts[letter.Open] != 1 {
		c.t.Errorf("%d were asked about, counts %v", len(seen), counts)
	}
	r, err := c.r.Get(c.t.Context(), d.Replay.ID)
	if err != nil || r.Waiting != 1 || r.Actor != "anna" || r.State != letter.Running {
		c.t.Errorf("replay %+v, %v", r, err)
	}
	if due := c.due(r.ID); !slices.Equal(due, ids[:1]) {
		c.t.Errorf("due %v", due)
	}
	out, err := c.r.Outgoing(c.t.Context(), r.ID, 0)
	if err != nil || len(out) != 2 || out[0].Topic != "vote.cast" || string(out[0].Value) != "by" || out[0].Headers[0].Key != "a" || out[1].Value != nil {
		c.t.Errorf("outgoing %+v, %v", out, err)
	}
	if err := c.r.Cancel(c.t.Context(), r.ID, redrive.Entry{At: base, Action: "X", Actor: "ben"}); !errors.Is(err, redrive.ErrDecided) {
		c.t.Errorf("canceled: %v", err)
	}
	due, err := c.r.Due(c.t.Context(), r.ID, 0, 10, 1<<20)
	c.must(err)
	c.must(c.r.Sent(c.t.Context(), r.ID, []redrive.Sent{{Due: due[0], State: letter.ItemApplied, Own: true, Detail: "published to x"}}, base+9))
	if h := c.history(ids[0]); h[len(h)-1] != "system PUBLISHED published to x" || c.progress(r.ID).Applied != 1 {
		c.t.Errorf("history %q, %+v", h, c.progress(r.ID))
	}
	if out, err := c.r.Outgoing(c.t.Context(), r.ID, 0); err != nil || len(out) != 0 {
		c.t.Errorf("what is published is kept: %+v, %v", out, err)
	}
}

// editedOnce: the second finds the first, no replay takes the original, and what
// nothing has replaced says so.
func editedOnce(c *replayScene) {
	ids := c.inBoth("a")
	f := c.get(ids[0])
	if made, err := c.r.ReplacedBy(c.t.Context(), f.Topic, f.EventID); err != nil || made != nil {
		c.t.Errorf("replaced by %v, %v", made, err)
	}
	first := c.edit(ids[0], "by")
	c.must(c.decide(first))
	if err := c.decide(c.edit(ids[1], "by-2")); !errors.Is(err, redrive.ErrReplaced) {
		c.t.Errorf("twice: %v", err)
	}
	made, err := c.r.ReplacedBy(c.t.Context(), f.Topic, f.EventID)
	if err != nil || made == nil || *made != *first.Replaces {
		c.t.Errorf("replaced by %v, %v", made, err)
	}
	// A letter of another copy opens it to be seen.
	c.record(c.letter("a", 50, func(l *letter.Letter) { l.ID, l.Class = ids[0], "PERMANENT" }))
	c.expect(ids[0], letter.Open)
	if _, err := c.r.Freeze(c.t.Context(), c.replay(), c.selection()); !errors.Is(err, redrive.ErrNothingSelected) {
		c.t.Errorf("a replay of the original: %v", err)
	}
	if survey, err := c.r.Survey(c.t.Context(), c.selection(), 10); err != nil || survey.Selected != 0 {
		c.t.Errorf("survey %+v, %v", survey, err)
	}
}

// outcomeFirst: nothing of a refused edit is left.
func outcomeFirst(c *replayScene) {
	ids := c.inBoth("a")
	d := c.edit(ids[0], "by")
	_, err := c.step(ids[1], letter.Applied, base)
	c.must(err)
	d.May = func(now []letter.Failure) error {
		return letter.MayReplace(letter.Standing{Failures: now, Groups: []string{"vote-tally", "vote-ledger"}, Last: letter.NoPlace})
	}
	if refusal, ok := errors.AsType[*letter.RefusalError](c.decide(d)); !ok || refusal.Reason != "GROUP_APPLIED" || refusal.Group != "vote-ledger" {
		c.t.Errorf("refused %+v", refusal)
	}
	c.expect(ids[0], letter.Open)
	if made, err := c.r.ReplacedBy(c.t.Context(), "vote.cast", c.get(ids[0]).EventID); err != nil || made != nil {
		c.t.Errorf("replaced by %v, %v", made, err)
	}
	if _, err := c.r.Get(c.t.Context(), d.Replay.ID); !errors.Is(err, redrive.ErrNoReplay) {
		c.t.Errorf("its replay: %v", err)
	}
	d.May, d.Failure = nil, uuid.NewString()
	if err := c.decide(d); !errors.Is(err, redrive.ErrNoFailure) {
		c.t.Errorf("a failure of no event: %v", err)
	}
}

// editedAtOnce: of an edit, a replay and what a group says of an earlier replay,
// each of which excludes the edit or is excluded by it, never two go through.
func editedAtOnce(c *replayScene) {
	for range 12 {
		event := "a" + uuid.NewString()
		ids := c.inBoth(event)
		first, err := c.r.Freeze(c.t.Context(), c.replay(), redrive.Selection{Failure: ids[0], Routes: c.selection().Routes})
		c.must(err)
		c.send(first.ID, letter.Published)
		due := redrive.Unconfirmed{Replay: first.ID, Failure: ids[0], Group: "vote-tally"}
		_, err = c.r.Lose(c.t.Context(), []redrive.Unconfirmed{due}, base+15)
		c.must(err)
		d := c.edit(ids[0], "by")
		d.May = func(now []letter.Failure) error {
			return letter.MayReplace(letter.Standing{Failures: now, Groups: []string{"vote-tally", "vote-ledger"}, Last: letter.NoPlace})
		}
		var wg sync.WaitGroup
		var edit, replay error
		wg.Go(func() { edit = c.decide(d) })
		wg.Go(func() {
			_, replay = c.r.Freeze(c.t.Context(), c.replay(), redrive.Selection{Failure: ids[0], Routes: c.selection().Routes})
		})
		wg.Go(func() { c.hear(first.ID, ids[0], false) })
		wg.Wait()
		history := c.history(ids[0])
		said := slices.IndexFunc(history, func(h string) bool { return strings.HasPrefix(h, "system APPLIED") })
		done := slices.Index(history, "anna EDITED because")
		applied := said >= 0 && (done < 0 || said < done)
		if said < 0 || (edit == nil) != (done >= 0) {
			c.t.Fatalf("edit %v, history %q", edit, history)
		}
		if edit == nil && (replay == nil || applied) {
			c.t.Fatalf("an edit beside a replay (%v) or behind an outcome (%v): %q", replay, applied, history)
		}
	}
}

func discardTold(c *replayScene) {
	id := c.failed("a")[0]
	replay := c.replay()
	d := redrive.Decision{
		Replay: replay, Step: letter.DiscardedByOperator, Failure: id,
		Entry:    redrive.Entry{At: base + 5, Action: redrive.ActionDiscarded, Actor: "anna", Detail: "because"},
		Outgoing: []redrive.Outgoing{{Failure: id, Topic: "vote.cast.replay.vote-tally", Record: letter.Record{Key: []byte("k")}}},
	}
	c.must(c.decide(d))
	c.expect(id, letter.Discarded)
	if due := c.due(replay.ID); !slices.Equal(due, []string{id}) {
		c.t.Errorf("due %v", due)
	}
	c.send(replay.ID, letter.Skipped) // an item of no records, as a store that lost them would have
	c.expect(id, letter.Discarded)
	d.Replay = c.replay()
	if err := c.decide(d); !errors.Is(err, letter.ErrStep) {
		c.t.Errorf("discarded twice: %v", err)
	}
	if _, err := c.r.Get(c.t.Context(), d.Replay.ID); !errors.Is(err, redrive.ErrNoReplay) {
		c.t.Errorf("its replay: %v", err)
	}
}

// decisionPending: what was decided first must be told first.
func decisionPending(c *replayScene) {
	id := c.failed("a")[0]
	d := c.edit(id, "by")
	d.Step, d.Replaces = letter.DiscardedByOperator, nil
	c.must(c.decide(d))
	_, err := c.step(id, letter.RestoredByOperator, base+6)
	c.must(err)
	again := c.edit(id, "by")
	if refusal, ok := errors.AsType[*letter.RefusalError](c.decide(again)); !ok || refusal.Reason != "DECISION_PENDING" {
		c.t.Errorf("decided over an untold one: %+v", refusal)
	}
	c.expect(id, letter.Open)
	due, err := c.r.Due(c.t.Context(), d.Replay.ID, 0, 10, 1<<20)
	c.must(err)
	c.must(c.r.Sent(c.t.Context(), d.Replay.ID, []redrive.Sent{{Due: due[0], State: letter.ItemApplied, Own: true}}, base+9))
	c.expect(id, letter.Open)
	c.must(c.decide(again))
	c.expect(id, letter.Resolved)
}
