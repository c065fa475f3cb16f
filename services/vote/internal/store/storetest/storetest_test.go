package storetest_test

import (
	"context"
	"testing"
	"time"

	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
	"floodgate.internal/services/vote/internal/store/storetest"
)

// brokenView is a view with one fault of the kind that loses or doubles votes.
type brokenView struct {
	casting.View
	before func(*casting.Change)
	after  func(*casting.Result)
	build  func(*casting.ShardState)
}

func (b brokenView) Apply(ctx context.Context, changes []casting.Change) ([]casting.Result, error) {
	own := append([]casting.Change(nil), changes...)
	for i := range own {
		if b.before != nil {
			b.before(&own[i])
		}
	}
	results, err := b.View.Apply(ctx, own)
	for i := range results {
		if b.after != nil {
			b.after(&results[i])
		}
	}
	return results, err
}

func (b brokenView) Replace(ctx context.Context, state casting.ShardState) error {
	if b.build != nil {
		b.build(&state)
	}
	return b.View.Replace(ctx, state)
}

// TestSuiteNoticesFaults: a suite that nothing fails proves nothing.
func TestSuiteNoticesFaults(t *testing.T) {
	t.Parallel()
	faults := map[string]brokenView{
		"none": {},
		"loses a field": {before: func(c *casting.Change) {
			if len(c.Fields) > 1 {
				c.Fields = c.Fields[:len(c.Fields)-1]
			}
		}},
		"does not count":     {before: func(c *casting.Change) { c.Counts.Candidates = nil }},
		"loses the position": {before: func(c *casting.Change) { c.To = c.From }},
		"takes any shard":    {before: func(c *casting.Change) { c.Replay = true }},
		"ignores the floor":  {before: func(c *casting.Change) { c.From = -1 }},
		"hides a conflict":   {after: func(r *casting.Result) { r.Outcome = casting.Applied }},
		"hides what is held": {after: func(r *casting.Result) { r.Actual = nil }},
		"sets shards back":   {build: func(s *casting.ShardState) { s.Mark.Last = 1 << 50 }},
		"builds in part": {build: func(s *casting.ShardState) {
			s.Fields = s.Fields[:len(s.Fields)/2]
		}},
	}
	for name, broken := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken.View = store.NewMemoryView(time.Hour)
			found := storetest.Fault[casting.View](t.Context(), broken, storetest.ViewCases())
			if (found != "") != (name != "none") {
				t.Errorf("the suite finds %q", found)
			}
		})
	}
}
