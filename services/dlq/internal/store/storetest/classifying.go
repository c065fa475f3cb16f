package storetest

import (
	"fmt"
	"sync"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// old is a fingerprint of the oldest version.
func (c *scene) old(name string) string { return "v0:" + name + c.service }

// anew classifies the scene's failures by a new version, the first.
func (c *scene) anew(kind func(f *letter.Failure, stack string) string) redrive.Classification {
	return redrive.Classification{Version: 1, Of: func(f *letter.Failure, stack string) string {
		return "v1:" + kind(f, stack) + f.Service
	}}
}

// kinds counts the scene's failures by kind and status, from the kept counts and
// from the failures themselves, which must agree.
func (c *scene) kinds() map[string]int64 {
	c.t.Helper()
	counted := map[string]int64{}
	for _, status := range letter.Statuses() {
		kept, err := c.s.Groups(c.t.Context(), c.mine(is(letter.FieldStatus, status)), redrive.GroupMark{}, 1000, base)
		if err != nil {
			c.t.Fatalf("groups: %v", err)
		}
		read, err := c.s.Groups(c.t.Context(), c.mine(is(letter.FieldStatus, status), is(letter.FieldTopic, "vote.cast")), redrive.GroupMark{}, 1000, base)
		if err != nil || fmt.Sprint(kept) != fmt.Sprint(read) {
			c.t.Errorf("%s: kept %+v, but there are %+v, %v", status, kept, read, err)
		}
		for _, g := range kept {
			counted[g.Fingerprint+" "+status.String()] = g.Count
		}
	}
	return counted
}

// reclassify goes on until nothing is left, in transactions of limit failures.
func (c *scene) reclassify(to redrive.Classification, limit int) {
	c.t.Helper()
	for range 1000 {
		n, err := c.s.Reclassify(c.t.Context(), to, limit)
		if err != nil {
			c.t.Fatalf("reclassifying: %v", err)
		}
		if n == 0 {
			return
		}
	}
	c.t.Fatalf("reclassifying does not end")
}

func reclassified(t T, s redrive.Failures) {
	c := newScene(t, s)
	var letters []letter.Letter
	for i := range 7 {
		letters = append(letters, c.letter(fmt.Sprint(i), int64(i), func(l *letter.Letter) {
			// One kind that splits by its stack, two that become one.
			l.Fingerprint, l.Stack = c.old([]string{"splits", "merges", "too"}[i%3]), fmt.Sprint("frame ", i%2)
		}))
	}
	c.record(letters...)
	if _, err := c.step(letters[3].ID, letter.DiscardedByOperator, base); err != nil {
		t.Fatalf("%v", err)
	}
	if n, err := s.Unclassified(t.Context(), 1); n != 7 || err != nil {
		t.Errorf("%d are of the old version, %v", n, err)
	}
	to := c.anew(func(f *letter.Failure, stack string) string {
		if f.Fingerprint == c.old("splits") {
			return stack
		}
		return "merged"
	})
	c.reclassify(to, 2)
	v1 := func(name string) string { return "v1:" + name + c.service }
	want := map[string]int64{v1("frame 0") + " OPEN": 2, v1("frame 1") + " DISCARDED": 1, v1("merged") + " OPEN": 4}
	if got := c.kinds(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("kinds %v, want %v", got, want)
	}
	if n, err := s.Unclassified(t.Context(), 1); n != 0 || err != nil {
		t.Errorf("%d are left, %v", n, err)
	}
	merged, err := s.Groups(t.Context(), c.mine(is(letter.FieldFingerprint, v1("merged"))), redrive.GroupMark{}, 10, base)
	if err != nil || len(merged) != 1 || merged[0].FirstFailedAt != letters[1].FirstFailedAt || merged[0].LastFailedAt != letters[5].LastFailedAt {
		t.Errorf("the merged kind is %+v, %v", merged, err)
	}
	if got := c.get(letters[3].ID); got.Status != letter.Discarded || got.ClosedAt != base {
		t.Errorf("a failure of another kind is another failure: %+v", got)
	}
}

func newerKept(t T, s redrive.Failures) {
	c := newScene(t, s)
	newer, older := c.letter("newer", 0), c.letter("older", 0, func(l *letter.Letter) { l.Fingerprint = c.old("older") })
	c.record(newer, older)
	c.reclassify(c.anew(func(*letter.Failure, string) string { return "new" }), 100)
	if got := c.get(newer.ID).Fingerprint; got != newer.Fingerprint {
		t.Errorf("kind %s", got)
	}
	// A classification that answers an old kind would never end.
	c.record(c.letter("other", 0, func(l *letter.Letter) { l.Fingerprint = c.old("other") }))
	stays := redrive.Classification{Version: 1, Of: func(f *letter.Failure, _ string) string { return f.Fingerprint }}
	if _, err := s.Reclassify(t.Context(), stays, 100); err == nil {
		t.Errorf("a failure keeps its old kind, and nobody says so")
	}
	c.reclassify(c.anew(func(*letter.Failure, string) string { return "new" }), 100)
}

func reclassifiedBeside(t T, s redrive.Failures) {
	c := newScene(t, s)
	kind := func(l *letter.Letter) { l.Fingerprint = c.old("beside") }
	letters := make([]letter.Letter, 60)
	for i := range letters {
		letters[i] = c.letter(fmt.Sprint(i), 0, kind)
	}
	to := c.anew(func(*letter.Failure, string) string { return "new" })
	var work sync.WaitGroup
	for part := range 6 {
		work.Go(func() {
			if err := s.Record(t.Context(), letters[part*10:part*10+10]); err != nil {
				t.Errorf("recording: %v", err)
			}
		})
		work.Go(func() {
			if _, err := s.Reclassify(t.Context(), to, 7); err != nil {
				t.Errorf("reclassifying: %v", err)
			}
		})
	}
	work.Wait()
	c.reclassify(to, 7)
	if got := c.kinds(); len(got) != 1 || got["v1:new"+c.service+" OPEN"] != 60 {
		t.Errorf("kinds %v", got)
	}
}

func leasing(t T, s redrive.Failures) {
	c := newScene(t, s)
	lease := func(owner string, now, until int64) bool {
		ok, err := s.Lease(t.Context(), "work of "+c.service, owner, now, until)
		if err != nil {
			t.Fatalf("%v", err)
		}
		return ok
	}
	if !lease("anna", 100, 200) || lease("ben", 150, 250) || lease("ben", 200, 300) || !lease("anna", 190, 290) {
		t.Errorf("two owners, or none")
	}
	if !lease("ben", 291, 400) || lease("anna", 300, 400) {
		t.Errorf("a lease that has passed is kept")
	}
	if lease("anna", 310, 0) || !lease("ben", 310, 0) || !lease("anna", 310, 400) {
		t.Errorf("what was given up is not free, or was given up by another")
	}
}
