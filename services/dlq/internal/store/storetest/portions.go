package storetest

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// portioned: what is due comes with its record, from an item on, and in such
// numbers that all but the last are within the bytes.
func portioned(c *replayScene) {
	var ids []string
	for _, event := range []string{"a", "b", "c", "d"} {
		l := c.letter(event, 1, func(l *letter.Letter) { l.Value = make([]byte, 1000) })
		c.record(l)
		ids = append(ids, l.ID)
	}
	r := c.freeze()
	for _, tc := range []struct {
		from  int64
		limit int
		bytes int64
		want  []string
	}{
		{0, 100, 1 << 20, ids},
		{0, 3, 1 << 20, ids[:3]},
		{2, 100, 1 << 20, ids[2:]},
		{0, 100, 1, ids[:1]},
		{0, 100, 1500, ids[:2]},
		{1, 100, 2500, ids[1:4]},
		{4, 100, 1 << 20, nil},
	} {
		due, err := c.r.Due(c.t.Context(), r.ID, tc.from, tc.limit, tc.bytes)
		c.must(err)
		var got []string
		for _, d := range due {
			got = append(got, d.ID)
			raw, err := c.s.Raw(c.t.Context(), d.ID)
			c.must(err)
			if !slices.Equal(d.Record.Value, raw.Value) || !slices.Equal(d.Record.Key, raw.Key) || len(d.Record.Headers) != len(raw.Headers) {
				c.t.Errorf("the record of %s is not its own: %+v", d.ID, d.Record)
			}
		}
		if !slices.Equal(got, tc.want) {
			c.t.Errorf("from %d, %d failures, %d bytes: %v, want %v", tc.from, tc.limit, tc.bytes, got, tc.want)
		}
	}
}

// together: outcomes of one slice count as they would one by one, also those of
// one failure.
func together(c *replayScene) {
	ids := c.failed("a", "b", "c")
	r := c.freeze()
	c.send(r.ID, letter.Published)
	c.must(c.r.Settle(c.t.Context(), []redrive.Outcome{
		{Replay: r.ID, Failure: ids[0], Failed: true, Detail: "first"},
		{Replay: uuid.NewString(), Failure: ids[1], Detail: "another's"},
		{Replay: r.ID, Failure: uuid.NewString(), Detail: "nobody's"},
		{Replay: r.ID, Failure: ids[2], Failed: true, Detail: "alone"},
		{Replay: r.ID, Failure: ids[0], Detail: "second"},
	}, base+20))
	if p := c.progress(r.ID); p != (letter.Progress{Applied: 1, Failed: 1, Outstanding: 1}) {
		c.t.Errorf("progress %+v", p)
	}
	c.expect(ids[0], letter.Resolved)
	c.expect(ids[1], letter.Replaying)
	c.expect(ids[2], letter.Open)
	if h := c.history(ids[0]); !slices.Equal(h[len(h)-2:], []string{"system FAILED_AGAIN first", "system APPLIED second"}) {
		c.t.Errorf("history %q", h)
	}
	if counts := c.counts(); counts[letter.Resolved] != 1 || counts[letter.Replaying] != 1 || counts[letter.Open] != 1 {
		c.t.Errorf("counts %v", counts)
	}
}

// beside: portions are written down while outcomes of their records are settled,
// in any order. Nobody waits for another who waits for them.
func beside(c *replayScene) {
	var events []string
	for range 200 {
		events = append(events, uuid.NewString())
	}
	c.failed(events...)
	r := c.freeze()
	due, err := c.r.Due(c.t.Context(), r.ID, 0, len(events), 1<<20)
	c.must(err)
	var work sync.WaitGroup
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's dice
		sent, outcomes := make([]redrive.Sent, len(due)), make([]redrive.Outcome, len(due))
		for i, at := range random.Perm(len(due)) {
			sent[i] = redrive.Sent{Due: due[at], State: letter.Published, Partition: 1, Offset: due[at].Item}
		}
		for i, at := range random.Perm(len(due)) {
			outcomes[i] = redrive.Outcome{Replay: r.ID, Failure: due[at].ID, Detail: "said"}
		}
		work.Go(func() {
			if err := c.r.Sent(c.t.Context(), r.ID, sent, base+10); err != nil {
				c.t.Errorf("writing down: %v", err)
			}
		})
		work.Go(func() {
			if err := c.r.Settle(c.t.Context(), outcomes, base+20); err != nil {
				c.t.Errorf("settling: %v", err)
			}
		})
	}
	work.Wait()
	if p := c.progress(r.ID); p != (letter.Progress{Applied: int64(len(due))}) {
		c.t.Errorf("progress %+v", p)
	}
	if counts := c.counts(); counts[letter.Resolved] != int64(len(due)) || counts[letter.Replaying] != 0 {
		c.t.Errorf("counts %v", counts)
	}
}
