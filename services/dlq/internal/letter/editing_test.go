package letter_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"floodgate.internal/services/dlq/internal/letter"
)

// failedIn is a failure of the event at offset 7 of a group; a client's report
// without a place where the group is empty.
func failedIn(group string, status letter.Status, change ...func(*letter.Failure)) letter.Failure {
	f := letter.Failure{ID: "f-" + group, Group: group, Status: status, Class: "PERMANENT", Offset: 7}
	if group == "" {
		f.Offset, f.Class = letter.NoPlace, "HTTP_504"
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func TestMayReplace(t *testing.T) {
	t.Parallel()
	retryable := func(f *letter.Failure) { f.Class = "RETRYABLE" }
	both := []letter.Failure{failedIn("a", letter.Open), failedIn("b", letter.Parked)}
	for name, tc := range map[string]struct {
		standing      letter.Standing
		reason, group string
	}{
		"failed in both":                          {letter.Standing{Failures: both, Last: 7}, "", ""},
		"failed in both, gone from the log":       {letter.Standing{Failures: both, Last: letter.NoPlace}, "", ""},
		"failed in both, and reported":            {letter.Standing{Failures: append(slices.Clone(both), failedIn("", letter.Resolved)), Last: 7}, "", ""},
		"reported alone":                          {letter.Standing{Failures: []letter.Failure{failedIn("", letter.Open)}, Last: letter.NoPlace}, "", ""},
		"reported alone, and decided about":       {letter.Standing{Failures: []letter.Failure{failedIn("", letter.Discarded)}, Last: letter.NoPlace}, "NOTHING_OPEN", ""},
		"reported, and in the log after all":      {letter.Standing{Failures: []letter.Failure{failedIn("", letter.Open)}, Last: 3}, "GROUP_NOT_READ", "a"},
		"reported, in the log and read":           {letter.Standing{Failures: []letter.Failure{failedIn("", letter.Open)}, Last: 3, Read: map[string]int64{"a": 4}}, "GROUP_APPLIED", "a"},
		"the report is on its way back":           {letter.Standing{Failures: []letter.Failure{failedIn("", letter.Replaying)}, Last: letter.NoPlace}, "GROUP_REPLAYS", ""},
		"one has not committed":                   {letter.Standing{Failures: both[:1], Last: 7}, "GROUP_NOT_READ", "b"},
		"one stands before it":                    {letter.Standing{Failures: both[:1], Last: 7, Read: map[string]int64{"b": 7}}, "GROUP_NOT_READ", "b"},
		"one has passed it":                       {letter.Standing{Failures: both[:1], Last: 7, Read: map[string]int64{"b": 8}}, "GROUP_APPLIED", "b"},
		"one has applied it":                      {letter.Standing{Failures: []letter.Failure{both[0], failedIn("b", letter.Resolved)}, Last: 7}, "GROUP_APPLIED", "b"},
		"one has it in a replay":                  {letter.Standing{Failures: []letter.Failure{both[0], failedIn("b", letter.Replaying)}, Last: 7}, "GROUP_REPLAYS", "b"},
		"discarded in one":                        {letter.Standing{Failures: []letter.Failure{both[0], failedIn("b", letter.Discarded)}, Last: 7}, "GROUP_DISCARDED", "b"},
		"a later copy is before one":              {letter.Standing{Failures: both, Last: 9, Read: map[string]int64{"a": 10, "b": 9}}, "GROUP_NOT_READ", "b"},
		"a later copy failed too":                 {letter.Standing{Failures: both, Last: 9, Read: map[string]int64{"a": 10, "b": 10}}, "", ""},
		"an outcome is on its way":                {letter.Standing{Failures: both, Last: 7, Unheard: []string{"a"}}, "OUTCOME_AWAITED", "a"},
		"its cause may pass":                      {letter.Standing{Failures: []letter.Failure{failedIn("a", letter.Open, retryable), both[1]}, Last: 7}, "", ""},
		"its cause may pass, of views of the log": {letter.Standing{Failures: []letter.Failure{failedIn("a", letter.Open, retryable), both[1]}, Last: 7, Rebuilt: true}, "NOT_AT_FAULT", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.standing.Groups = []string{"a", "b"}
			err := letter.MayReplace(tc.standing)
			refusal, refused := errors.AsType[*letter.RefusalError](err)
			if refused != (tc.reason != "") || refused && (refusal.Reason != tc.reason || refusal.Group != tc.group || refusal.Error() == "") {
				t.Errorf("%v, want %s of %s", err, tc.reason, tc.group)
			}
		})
	}
}

// reader is a group as it goes: where it reads, what it made of the copies of the
// event that it read, and what was decided about its failure.
type reader struct {
	next    int64
	applied bool
	failed  bool
	first   int64
}

// Whatever groups make of the copies of an event, in whatever order: an edit is
// allowed only where nobody has applied one, and nobody has one before him. That
// is so even if every group would apply all that it has yet to read.
func TestNoEditBesideItsOriginal(t *testing.T) {
	t.Parallel()
	allowed := 0
	rapid.Check(t, func(t *rapid.T) {
		copies := slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.Int64Range(0, 5), 1, 3, rapid.ID).Draw(t, "copies")))
		s := letter.Standing{Groups: []string{"a", "b"}, Last: copies[len(copies)-1], Read: map[string]int64{}}
		harmless := true
		for _, group := range s.Groups {
			r := reader{first: letter.NoPlace}
			r.next = rapid.Int64Range(0, 7).Draw(t, group+" reads to")
			for _, at := range copies {
				switch {
				case at >= r.next:
					harmless = false // it will apply it
				case r.applied || rapid.Bool().Draw(t, fmt.Sprint(group, " applies ", at)):
					r.applied = true
				case !r.failed:
					r.failed, r.first = true, at
				}
			}
			harmless = harmless && !r.applied
			if r.next > 0 {
				s.Read[group] = r.next
			}
			if r.failed {
				status := letter.Open
				if r.applied {
					status = letter.Resolved // a later copy was, and its replay says so
				}
				s.Failures = append(s.Failures, failedIn(group, status, func(f *letter.Failure) { f.Offset = r.first }))
			}
		}
		may := letter.MayReplace(s) == nil
		if may && !harmless {
			t.Fatalf("an edit of what can be applied: %+v", s)
		}
		if harmless && !may {
			t.Fatalf("an edit of what nobody applies is refused: %+v", s)
		}
		if may {
			allowed++
		}
	})
	if allowed == 0 {
		t.Error("nothing was ever allowed: the test shows nothing")
	}
}
