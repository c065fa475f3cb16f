package storetest

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"sync"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

func oneFailure(t T, s redrive.Failures) {
	c := newScene(t, s)
	l := c.letter("a", 0)
	c.record(l)
	want := l.Failure
	want.Status = letter.Open
	if got := c.get(l.ID); got != want {
		t.Errorf("failure %+v, want %+v", got, want)
	}
	if got := c.raw(l.ID); !reflect.DeepEqual(got, l.Record) {
		t.Errorf("record %+v, want %+v", got, l.Record)
	}
	if got := c.history(l.ID); len(got) != 0 {
		t.Errorf("history %q", got)
	}
}

func nothingNew(t T, s redrive.Failures) {
	c := newScene(t, s)
	a, b, again := c.letter("a", 0), c.letter("b", 1), c.letter("a", 2)
	c.record(a, b)
	c.record(a, b, again)
	want := c.get(a.ID)
	// A crash before the commit of the offsets: everything comes again, in
	// slices of any size.
	c.record(a, b, again)
	c.record(a)
	c.record(b, again)
	if got := c.get(a.ID); got != want || got.Attempts != 10 {
		t.Errorf("failure %+v, want %+v", got, want)
	}
	if got := c.history(a.ID); len(got) != 1 {
		t.Errorf("history %q", got)
	}
	if n, err := s.Count(t.Context(), c.mine(), 10); n != 2 || err != nil {
		t.Errorf("%d failures, %v", n, err)
	}
}

func sameFailure(t T, s redrive.Failures) {
	c := newScene(t, s)
	l := c.letter("a", 0)
	again := c.letter("a", 60, func(again *letter.Letter) { again.Offset = l.Offset }, func(l *letter.Letter) {
		l.Class, l.Message, l.Fingerprint, l.Indefinite = "PERMANENT", "unknown poll", "v2:other"+c.service, true
		l.Headers, l.Stack, l.Value = []letter.Header{{Key: "newer", Value: []byte("1")}}, "other.go:2", []byte("another value")
	})
	c.record(l)
	c.record(again)
	want := again.Failure
	want.Status, want.Attempts, want.FirstFailedAt, want.Offset = letter.Open, 10, l.FirstFailedAt, l.Offset
	if got := c.get(l.ID); got != want {
		t.Errorf("failure %+v, want %+v", got, want)
	}
	if got := c.raw(l.ID); !bytes.Equal(got.Value, l.Value) || got.Stack != "other.go:2" || got.Headers[0].Key != "newer" {
		t.Errorf("record %+v", got)
	}
	if got := c.history(l.ID); !slices.Equal(got, []string{"system FAILED PERMANENT SQL: unknown poll"}) {
		t.Errorf("history %q", got)
	}
}

func olderLoses(t T, s redrive.Failures) {
	c := newScene(t, s)
	newer := c.letter("a", 60, func(l *letter.Letter) { l.Message = "newer" })
	older := c.letter("a", 0, func(l *letter.Letter) { l.Message, l.Place.Source = "older", c.service+"/1" })
	c.record(newer)
	c.record(older)
	got := c.get(newer.ID)
	if got.Message != "newer" || got.LastFailedAt != newer.LastFailedAt || got.FirstFailedAt != older.FirstFailedAt || got.Attempts != 10 {
		t.Errorf("failure %+v", got)
	}
}

func allOrNone(t T, s redrive.Failures) {
	c := newScene(t, s)
	good := c.letter("a", 0)
	bad := c.letter("b", 0, func(l *letter.Letter) { l.Attempts = -1 })
	if err := s.Record(t.Context(), []letter.Letter{good, bad}); err == nil {
		t.Errorf("a letter with a negative count is taken")
	}
	if _, err := s.Get(t.Context(), good.ID); !errors.Is(err, redrive.ErrNoFailure) {
		t.Errorf("half of a slice is there: %v", err)
	}
}

func anyBytes(t T, s redrive.Failures) {
	c := newScene(t, s)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	l := c.letter("a", 0, func(l *letter.Letter) {
		l.Record = letter.Record{Key: all, Value: all, Headers: []letter.Header{{Key: string(all), Value: all}}}
		l.Message, l.Failure.Key = string(all), string(all)
		l.Failure = l.Bounded()
	})
	tombstone := c.letter("b", 0, func(l *letter.Letter) { l.Record = letter.Record{} })
	c.record(l, tombstone)
	if got := c.raw(l.ID); !reflect.DeepEqual(got, l.Record) {
		t.Errorf("record %+v", got)
	}
	if got := c.raw(tombstone.ID); got.Value != nil || got.Key != nil || got.Headers != nil {
		t.Errorf("a tombstone reads %+v", got)
	}
}

func largePayload(t T, s redrive.Failures) {
	c := newScene(t, s)
	l := c.letter("a", 0, func(l *letter.Letter) {
		l.Value = bytes.Repeat([]byte{0, 1, 2, 3}, 1<<18)
		l.Headers = []letter.Header{{Key: "large", Value: bytes.Repeat([]byte("x"), 60<<10)}}
	})
	c.record(l)
	if got := c.raw(l.ID); !reflect.DeepEqual(got, l.Record) {
		t.Errorf("%d bytes of %d", len(got.Value), len(l.Value))
	}
}

// atOnce: two instances that both have a partition for a moment write the same
// letters beside each other.
func atOnce(t T, s redrive.Failures) {
	c := newScene(t, s)
	var letters []letter.Letter
	for i := range 200 {
		letters = append(letters, c.letter(string(rune('a'+i%100)), int64(i)))
	}
	var wg sync.WaitGroup
	for _, own := range [][]letter.Letter{letters, letters[50:], letters[:150]} {
		wg.Go(func() {
			for at := 0; at < len(own); at += 30 {
				c.record(own[at:min(at+30, len(own))]...)
			}
		})
	}
	wg.Wait()
	found, err := s.List(t.Context(), c.mine(), redrive.Mark{}, 1000)
	if err != nil || len(found) != 100 {
		t.Errorf("%d failures, %v", len(found), err)
	}
	for _, f := range found {
		if f.Place.Offset <= 100 || f.Attempts < 5 || f.Attempts > 10 {
			t.Errorf("failure %+v", f)
		}
	}
	c.expectGroup(letter.Open, 100)
}
