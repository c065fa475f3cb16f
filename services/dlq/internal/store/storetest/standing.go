package storetest

import (
	"fmt"
	"slices"
	"testing"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// RunStanding looks over a store of its own.
func RunStanding(t *testing.T, failures redrive.Failures, replays redrive.Replays) {
	t.Helper()
	c := &replayScene{scene: newScene(t, failures), r: replays}
	stand := func(limit int) redrive.Standing {
		t.Helper()
		all, err := failures.Standing(t.Context(), 2, limit)
		c.must(err)
		return all
	}
	if got := stand(10); len(got.Crowds) != 0 || len(got.Oldest) != 0 || len(got.Replays) != 0 || got.Unclassified != 0 {
		t.Errorf("nothing is %+v", got)
	}
	permanent := func(l *letter.Letter) { l.Class, l.Fingerprint = "PERMANENT", "v1:"+c.service }
	var letters []letter.Letter
	for i := range 5 {
		letters = append(letters, c.letter(fmt.Sprint("retryable ", i), int64(10-i)))
	}
	// Two kinds of one class are one crowd.
	letters = append(letters, c.letter("permanent", 20, permanent), c.letter("another", 30, permanent, func(l *letter.Letter) { l.Fingerprint += "b" }))
	c.record(letters...)
	_, err := c.step(letters[0].ID, letter.DiscardedByOperator, base)
	c.must(err)
	crowd := func(class string, status letter.Status, n int64) redrive.Crowd {
		return redrive.Crowd{Service: c.service, Class: class, Status: status, Count: n}
	}
	got := stand(10)
	want := []redrive.Crowd{crowd("RETRYABLE", letter.Open, 4), crowd("PERMANENT", letter.Open, 2), crowd("RETRYABLE", letter.Discarded, 1)}
	if !slices.Equal(got.Crowds, want) || got.Unclassified != 2 {
		t.Errorf("standing %+v, want %+v", got, want)
	}
	if len(got.Oldest) != 1 || got.Oldest[letter.Open] != letters[4].LastFailedAt {
		t.Errorf("oldest %v", got.Oldest)
	}
	others := []redrive.Crowd{want[0], {Status: letter.Open, Count: 2}, {Status: letter.Discarded, Count: 1}}
	if got := stand(1); !slices.Equal(got.Crowds, others) {
		t.Errorf("bounded to one: %+v, want %+v", got.Crowds, others)
	}
	r := c.freeze()
	c.send(r.ID, letter.Published)
	c.hear(r.ID, letters[4].ID, false)
	got = stand(10)
	if len(got.Replays) != 1 || got.Replays[0].ID != r.ID || got.Replays[0].Progress != (letter.Progress{Outstanding: 5, Applied: 1}) {
		t.Errorf("replays %+v", got.Replays)
	}
	if got.Oldest[letter.Replaying] != letters[3].LastFailedAt || got.Oldest[letter.Open] != 0 {
		t.Errorf("oldest %v", got.Oldest)
	}
	c.must(c.r.End(t.Context(), r.ID, letter.Done, "", base))
	if got := stand(10); len(got.Replays) != 0 {
		t.Errorf("what has ended is told: %+v", got.Replays)
	}
}
