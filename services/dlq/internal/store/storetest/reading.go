package storetest

import (
	"errors"
	"fmt"
	"slices"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

func steps(t T, s redrive.Failures) {
	c := newScene(t, s)
	l := c.letter("a", 0)
	c.record(l)
	closedAt := base + 100e6
	f, err := c.step(l.ID, letter.DiscardedByOperator, closedAt)
	if err != nil || f.Status != letter.Discarded || f.ClosedAt != closedAt || f != c.get(l.ID) {
		t.Errorf("discarded: %+v, %v", f, err)
	}
	c.expectGroup(letter.Open, 0)
	c.expectGroup(letter.Discarded, 1)
	if _, err := c.step(l.ID, letter.Claimed, closedAt); !errors.Is(err, letter.ErrStep) {
		t.Errorf("a discarded failure is claimed: %v", err)
	}
	if f, err = c.step(l.ID, letter.RestoredByOperator, closedAt+1); err != nil || f.Status != letter.Open || f.ClosedAt != 0 {
		t.Errorf("restored: %+v, %v", f, err)
	}
	if err := s.Note(t.Context(), l.ID, redrive.Entry{At: closedAt, Action: "VIEWED", Actor: "ben"}); err != nil {
		t.Errorf("noted: %v", err)
	}
	want := []string{
		fmt.Sprintf("anna STEP_%d because", letter.DiscardedByOperator), fmt.Sprintf("anna STEP_%d because", letter.RestoredByOperator), "ben VIEWED ",
	}
	if got := c.history(l.ID); !slices.Equal(got, want) {
		t.Errorf("history %q, want %q", got, want)
	}
}

func notThere(t T, s redrive.Failures) {
	const id = "00000000-0000-0000-0000-000000000000"
	_, get := s.Get(t.Context(), id)
	_, raw := s.Raw(t.Context(), id)
	_, step := s.Step(t.Context(), id, letter.Applied, redrive.Entry{Action: "A", Actor: "a"})
	note := s.Note(t.Context(), id, redrive.Entry{Action: "A", Actor: "a"})
	for what, err := range map[string]error{"Get": get, "Raw": raw, "Step": step, "Note": note} {
		if !errors.Is(err, redrive.ErrNoFailure) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func pages(t T, s redrive.Failures) {
	c := newScene(t, s)
	want := map[string]bool{}
	for i := range 25 {
		l := c.letter(fmt.Sprint(i), int64(i/10)) // ten share a time
		want[l.ID] = true
		c.record(l)
	}
	var mark redrive.Mark
	last := int64(1 << 62)
	for {
		page, err := s.List(t.Context(), c.mine(), mark, 7)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, f := range page {
			if !want[f.ID] || f.LastFailedAt > last {
				t.Errorf("failure %s is there twice or out of order", f.ID)
			}
			delete(want, f.ID)
			last = f.LastFailedAt
			mark = redrive.Mark{LastFailedAt: f.LastFailedAt, ID: f.ID}
		}
		if len(page) < 7 {
			break
		}
	}
	if len(want) != 0 {
		t.Errorf("%d failures are on no page", len(want))
	}
	if n, err := s.Count(t.Context(), c.mine(), 10); n != 10 || err != nil {
		t.Errorf("counted to %d, %v", n, err)
	}
}

// filters: each comparison of each field, alone and joined, finds what
// letter.Filter.Matches says.
func filters(t T, s redrive.Failures) {
	c := newScene(t, s)
	var all []letter.Failure
	for i := range 12 {
		l := c.letter(fmt.Sprint(i), int64(i), func(l *letter.Letter) {
			l.Class, l.Reason, l.Attempts = []string{"RETRYABLE", "PERMANENT"}[i%2], fmt.Sprint("R", i%3), int32(i%4) //nolint:gosec // small
			l.Group, l.Topic = []string{"", "g"}[i%2], []string{"t", "u"}[i/6]
		})
		c.record(l)
		if i%3 == 0 {
			if _, err := c.step(l.ID, letter.DiscardedByOperator, base); err != nil {
				t.Fatalf("%v", err)
			}
		}
		all = append(all, c.get(l.ID))
	}
	for _, f := range everyFilter(&all[3]) {
		var want []string
		for i := range all {
			if f.Matches(&all[i]) {
				want = append(want, all[i].ID)
			}
		}
		found, err := s.List(t.Context(), c.mine(f), redrive.Mark{}, 100)
		if err != nil {
			t.Errorf("%+v: %v", f, err)
			continue
		}
		var got []string
		for _, f := range found {
			got = append(got, f.ID)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("filter %+v %+v finds %d, want %d", f, f.Compare, len(got), len(want))
		}
		if n, err := s.Count(t.Context(), c.mine(f), 100); err != nil || n != int64(len(want)) {
			t.Errorf("filter %+v counts %d, %v", f, n, err)
		}
	}
}

// everyFilter compares every field with the failure's own value in every way,
// and joins some of them.
func everyFilter(f *letter.Failure) []letter.Filter {
	texts := map[letter.Field]string{
		letter.FieldService: f.Service, letter.FieldTopic: f.Topic, letter.FieldGroup: f.Group, letter.FieldKey: f.Key,
		letter.FieldEventID: f.EventID, letter.FieldClass: f.Class, letter.FieldReason: f.Reason, letter.FieldFingerprint: f.Fingerprint,
	}
	numbers := map[letter.Field]int64{
		letter.FieldStatus: int64(f.Status), letter.FieldAttempts: int64(f.Attempts), letter.FieldReplays: int64(f.Replays),
		letter.FieldFirstFailedAt: f.FirstFailedAt, letter.FieldLastFailedAt: f.LastFailedAt,
	}
	var all []letter.Filter
	for _, field := range letter.Fields() {
		for _, op := range []letter.Op{letter.Equal, letter.NotEqual, letter.Less, letter.LessEqual, letter.Greater, letter.GreaterEqual} {
			c := letter.Comparison{Field: field, Op: op, Text: texts[field], Number: numbers[field]}
			if c.Check() == nil {
				all = append(all, letter.Filter{Compare: &c})
			}
		}
	}
	open, parked := is(letter.FieldStatus, letter.Open), is(letter.FieldStatus, letter.Parked)
	permanent := is(letter.FieldClass, "PERMANENT")
	return append(all,
		letter.Filter{}, letter.Filter{Or: []letter.Filter{open, parked}}, letter.Filter{Or: []letter.Filter{open, permanent}},
		letter.Filter{Not: &letter.Filter{And: []letter.Filter{open, permanent}}},
		letter.Filter{And: []letter.Filter{open, {Or: []letter.Filter{permanent, {Not: &parked}}}}},
	)
}
