package letter_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"floodgate.internal/services/dlq/internal/letter"
)

// A canary publishes 1, 10, 100 and the rest, and never begins one before
// everything earlier has its outcome; without one all may go at once.
func TestCanaryGoesInSteps(t *testing.T) {
	t.Parallel()
	p := letter.Progress{Waiting: 500}
	var steps []int64
	for p.Waiting > 0 {
		n := letter.Allowed(p, true)
		steps = append(steps, n)
		p.Waiting, p.Outstanding = p.Waiting-n, n
		if p.Waiting > 0 && letter.Allowed(p, true) != 0 {
			t.Fatalf("%+v may go on", p)
		}
		p.Applied, p.Outstanding = p.Applied+n, 0
	}
	if want := []int64{1, 10, 100, 389}; !slices.Equal(steps, want) {
		t.Errorf("steps %v, want %v", steps, want)
	}
	if n := letter.Allowed(letter.Progress{Waiting: 7, Outstanding: 3}, false); n != 7 {
		t.Errorf("without a canary %d of 7", n)
	}
}

// In whatever portions a canary publishes, and whatever became of those before,
// it never has more in the air than its step, and it ends.
func TestAnyCanaryEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := letter.Progress{Waiting: rapid.Int64Range(0, 400).Draw(t, "selected")}
		for p.Waiting > 0 || p.Outstanding > 0 {
			n := letter.Allowed(p, true)
			if n < 0 || n > p.Waiting || n == 0 && p.Outstanding == 0 {
				t.Fatalf("%+v: %d", p, n)
			}
			if before := p.Published() - p.Outstanding; before < 111 && n+p.Outstanding > 100 {
				t.Fatalf("%+v: %d more in the air", p, n)
			}
			sent := rapid.Int64Range(0, n).Draw(t, "sent")
			p.Waiting, p.Outstanding = p.Waiting-sent, p.Outstanding+sent
			for _, to := range []letter.Item{letter.ItemApplied, letter.ItemFailed, letter.Lost} {
				heard := rapid.Int64Range(0, p.Outstanding).Draw(t, "heard")
				p.Outstanding -= heard
				p = p.With(to, heard)
			}
			if sent == 0 && n > 0 { // progress is certain in the end
				p.Waiting, p.Skipped = p.Waiting-1, p.Skipped+1
			}
			if n == 0 {
				p.Outstanding, p.Applied = p.Outstanding-min(1, p.Outstanding), p.Applied+min(1, p.Outstanding)
			}
		}
	})
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		p        letter.Progress
		permille int64
		want     bool
	}{
		"a canary's first":            {letter.Progress{Waiting: 99, Failed: 1}, 100, true},
		"one of the first two":        {letter.Progress{Outstanding: 98, Failed: 1, Applied: 1}, 100, false},
		"3 of 20, others awaited":     {letter.Progress{Outstanding: 80, Failed: 3, Applied: 17}, 100, true},
		"exactly what may":            {letter.Progress{Failed: 2, Already: 18}, 100, false},
		"none may":                    {letter.Progress{Failed: 1, Applied: 999}, 0, true},
		"all may":                     {letter.Progress{Failed: 100}, 1000, false},
		"nothing is known":            {letter.Progress{Waiting: 5, Lost: 5}, 0, false},
		"lost ones are no outcome":    {letter.Progress{Lost: 50, Failed: 1, Applied: 1}, 500, false},
		"failed ones of many skipped": {letter.Progress{Skipped: 1000, Failed: 1}, 100, true},
	} {
		if got := letter.TooMany(tc.p, tc.permille); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whatever a group says of a record that it got several times, in any order: it
// is applied if it ever was, before this replay only where no delivery applied
// it, and a failure leaves REPLAYING by what was said.
func TestAppliedWinsInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		said := rapid.SliceOfN(rapid.SampledFrom([]letter.Item{letter.ItemApplied, letter.ItemAlready, letter.ItemFailed}), 1, 5).Draw(t, "said")
		item, status := letter.Published, letter.Replaying
		for _, word := range said {
			var step letter.Step
			item, step = letter.Heard(item, word, status, 1)
			if step == 0 {
				continue
			}
			var err error
			if status, err = status.After(step); err != nil {
				t.Fatalf("%v of %s: %v", step, status, err)
			}
		}
		want, wantItem := letter.Open, letter.ItemFailed
		if slices.Contains(said, letter.ItemAlready) {
			want, wantItem = letter.Resolved, letter.ItemAlready
		}
		if slices.Contains(said, letter.ItemApplied) {
			want, wantItem = letter.Resolved, letter.ItemApplied
		}
		if status != want || item != wantItem {
			t.Fatalf("after %v: %s, %v", said, status, item)
		}
	})
}

// The loop cap parks, and an outcome that comes late moves nothing that another
// replay holds.
func TestHeardOfAFailureThatMovedOn(t *testing.T) {
	t.Parallel()
	if item, step := letter.Heard(letter.Published, letter.ItemFailed, letter.Replaying, letter.LoopCap); item != letter.ItemFailed || step != letter.Capped {
		t.Errorf("at the cap: %v, %v", item, step)
	}
	if item, step := letter.Heard(letter.Lost, letter.ItemFailed, letter.Replaying, 1); item != letter.ItemFailed || step != 0 {
		t.Errorf("lost, then failed: %v, %v", item, step)
	}
	if item, step := letter.Heard(letter.Skipped, letter.ItemFailed, letter.Open, 1); item != letter.Skipped || step != 0 {
		t.Errorf("skipped, then failed: %v, %v", item, step)
	}
	if item, step := letter.Heard(letter.Skipped, letter.ItemAlready, letter.Open, 1); item != letter.ItemAlready || step != letter.Applied {
		t.Errorf("skipped, then found applied: %v, %v", item, step)
	}
}

// What was inferred from silence does not win over a letter; what was told does.
func TestALetterRefutesWhatWasInferred(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		item     letter.Item
		status   letter.Status
		wantItem letter.Item
		wantStep letter.Step
	}{
		"still resolved":                {letter.ItemApplied, letter.Resolved, letter.ItemFailed, letter.Failed},
		"opened by its letter":          {letter.ItemApplied, letter.Open, letter.ItemFailed, 0},
		"another replay has it already": {letter.ItemApplied, letter.Replaying, letter.ItemFailed, 0},
		"heard before":                  {letter.ItemFailed, letter.Resolved, letter.ItemFailed, 0},
	} {
		item, step := letter.Refuted(tc.item, tc.status)
		if item != tc.wantItem || step != tc.wantStep {
			t.Errorf("%s: %v, %v", name, item, step)
		}
		if _, err := tc.status.After(step); step != 0 && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
