package storetest

import (
	"fmt"
	"slices"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// group answers the scene's own kind in a status, nil for none.
func (c *scene) group(f letter.Filter) *redrive.Group {
	c.t.Helper()
	found, err := c.s.Groups(c.t.Context(), c.mine(f), redrive.GroupMark{}, 10, base)
	if err != nil {
		c.t.Fatalf("groups: %v", err)
	}
	for i := range found {
		if found[i].Fingerprint == "v2:"+c.service {
			return &found[i]
		}
	}
	return nil
}

func (c *scene) expectGroup(status letter.Status, count int64) {
	c.t.Helper()
	var got int64
	if g := c.group(is(letter.FieldStatus, status)); g != nil {
		got = g.Count
	}
	if got != count {
		c.t.Errorf("%d failures of the kind are %s, want %d", got, status, count)
	}
}

func groups(t T, s redrive.Failures) {
	c := newScene(t, s)
	for i := range 6 {
		c.record(c.letter(fmt.Sprint(i), int64(i), func(l *letter.Letter) { l.Message = fmt.Sprint("message ", i) }))
	}
	discarded := c.letter("0", 100) // the same failure as the first
	c.record(discarded)
	if _, err := c.step(discarded.ID, letter.DiscardedByOperator, base); err != nil {
		t.Fatalf("%v", err)
	}
	c.expectGroup(letter.Open, 5)
	c.expectGroup(letter.Discarded, 1)
	// By what only failures have, the failures themselves are counted.
	open := is(letter.FieldStatus, letter.Open)
	if g := c.group(letter.Filter{And: []letter.Filter{open, is(letter.FieldTopic, "vote.cast")}}); g == nil || g.Count != 5 {
		t.Errorf("group by topic %+v", g)
	}
	g := c.group(open)
	if g.Service != c.service || g.Class != "RETRYABLE" || g.Sample != "timeout" ||
		g.FirstFailedAt != base || g.LastFailedAt != discarded.LastFailedAt {
		t.Errorf("group %+v", g)
	}
	if byStatus, err := s.ByStatus(t.Context()); err != nil || byStatus[letter.Open] < 5 || byStatus[letter.Discarded] < 1 {
		t.Errorf("by status %v, %v", byStatus, err)
	}
}

func groupPages(t T, s redrive.Failures) {
	c := newScene(t, s)
	var letters []letter.Letter
	for kind := range 9 {
		for i := range kind/3 + 1 { // three kinds share a size
			letters = append(letters, c.letter(fmt.Sprint(kind, " ", i), 0, func(l *letter.Letter) { l.Fingerprint = fmt.Sprint("v2:", kind, c.service) }))
		}
	}
	c.record(letters...)
	var mark redrive.GroupMark
	var counts []int64
	seen := map[string]bool{}
	for {
		page, err := s.Groups(t.Context(), c.mine(), mark, 2, base)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, g := range page {
			if seen[g.Fingerprint] {
				t.Errorf("kind %s is there twice", g.Fingerprint)
			}
			seen[g.Fingerprint] = true
			counts = append(counts, g.Count)
			mark = redrive.GroupMark{Count: g.Count, Fingerprint: g.Fingerprint}
		}
		if len(page) < 2 {
			break
		}
	}
	if !slices.Equal(counts, []int64{3, 3, 3, 2, 2, 2, 1, 1, 1}) {
		t.Errorf("groups of %v", counts)
	}
}

func evidence(t T, s redrive.Failures) {
	c := newScene(t, s)
	var letters []letter.Letter
	for i := range 20 {
		letters = append(letters, c.letter(fmt.Sprint(i), int64(i*60)-1200, func(l *letter.Letter) { l.Record.Key = []byte(fmt.Sprint(i % 4)) }))
	}
	c.record(letters...)
	want := letter.Evidence{
		Class: "RETRYABLE", Failures: 20, Keys: 4, Oldest: letters[0].LastFailedAt, Newest: letters[19].LastFailedAt, Recent: 10,
	}
	if g := c.group(letter.Filter{}); g == nil || g.Evidence != want {
		t.Errorf("evidence %+v, want %+v", g, want)
	}
}

func seriesOf(t T, s redrive.Failures) {
	c := newScene(t, s)
	for i, second := range []int64{-1, 0, 5, 9, 10, 25, 30} {
		c.record(c.letter(fmt.Sprint(i), second, func(l *letter.Letter) { l.Class = []string{"A", "B"}[i%2] }))
	}
	all, err := s.Series(t.Context(), redrive.Span{Since: base, Width: 10e6, Buckets: 3})
	if err != nil {
		t.Fatalf("%v", err)
	}
	got := map[string][]int64{}
	for _, one := range all {
		if one.Service == c.service {
			got[one.Class] = one.Counts
		}
	}
	if !slices.Equal(got["A"], []int64{1, 1, 0}) || !slices.Equal(got["B"], []int64{2, 0, 1}) {
		t.Errorf("series %v", got)
	}
}
