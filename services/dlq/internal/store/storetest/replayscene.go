package storetest

import (
	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

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
	due, err := c.r.Due(c.t.Context(), id, 0, 100, 1<<20)
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
	due, err := c.r.Due(c.t.Context(), id, 0, 100, 1<<20)
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
