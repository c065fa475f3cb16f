package storetest

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// many is above what one Lua call takes as arguments (about 8,000).
const many = 10_000

func compare(t T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// manyFields: a slice of one shard may be as large as a batch. Parts of it are
// handled apart by views behind a network, and must still be one.
func manyFields(t T, v casting.View) {
	s := newScene(t, v)
	first, second := s.change(100, -1, many, nil...), s.change(100, many, 2*many, nil...)
	for i := range many {
		n := "v/" + strconv.Itoa(i)
		first.Fields = append(first.Fields, written(n, "first of "+n))
		second.Fields = append(second.Fields, rewritten(n, "first of "+n, "second of "+n))
	}
	s.expect(first, casting.Applied, casting.Mark{Generation: 100, Last: many})
	// Only the last field is not as expected: nothing of the rest is written.
	wrong := second
	wrong.Fields = append(append([]casting.Field{}, second.Fields[:many-1]...), written("v/"+strconv.Itoa(many-1), "x"))
	r := s.expect(wrong, casting.Conflict, casting.Mark{Generation: 100, Last: many})
	if len(r.Actual) != many {
		t.Fatalf("%d fields are answered, want %d", len(r.Actual), many)
	}
	for i, f := range first.Fields {
		if !bytes.Equal(r.Actual[i], f.Value) {
			t.Fatalf("field %s is answered by %q", f.Name, r.Actual[i])
		}
	}
	s.expect(second, casting.Applied, casting.Mark{Generation: 100, Last: 2 * many})
	s.stands(casting.Mark{Generation: 100, Last: 2 * many}, 2, map[string]string{
		"v/0": "second of v/0", "v/" + strconv.Itoa(many-1): "second of v/" + strconv.Itoa(many-1),
	})
}

// anyBytes: stored voters are binary, and long once somebody votes every day.
func anyBytes(t T, v casting.View) {
	s := newScene(t, v)
	var all strings.Builder
	for b := range 256 {
		all.WriteByte(byte(b))
	}
	odd := all.String()
	long := strings.Repeat(odd, 300)
	s.expect(s.change(100, -1, 0, written("v/"+odd, odd), written("v/long", long), written("v/zero", "\x00")),
		casting.Applied, casting.Mark{Generation: 100, Last: 0})
	s.expect(s.change(100, 0, 1, rewritten("v/"+odd, odd, odd+"\r\n"), rewritten("v/zero", "\x00", "0")),
		casting.Applied, casting.Mark{Generation: 100, Last: 1})
	s.stands(casting.Mark{Generation: 100, Last: 1}, 2, map[string]string{
		"v/" + odd: odd + "\r\n", "v/long": long, "v/zero": "0",
	})
}

// totals: numbers are kept exactly, as far as offsets and counts will ever go,
// through whatever arithmetic the view has (Lua has doubles alone).
func totals(t T, v casting.View) {
	s := newScene(t, v)
	// The largest poll, every candidate in use; times are what Lua's numbers
	// hold exactly.
	up := s.change(1_790_000_000_000_001, -1, 1<<40, written("v/a", "1"))
	up.Counts = ballot.NewCounts(1000)
	for i := range up.Counts.Candidates {
		up.Counts.Candidates[i] = int64(i)
	}
	up.Counts.Duplicates, up.Counts.Rejected, up.Counts.Voided, up.Counts.Corrections = 5, 6, 1<<40, 8
	s.expect(up, casting.Applied, casting.Mark{Generation: up.Generation, Last: 1 << 40})
	down := s.change(up.Generation, 1<<40, 1<<40+1, rewritten("v/a", "1", "2"))
	down.Counts = ballot.NewCounts(1000)
	down.Counts.Candidates[999], down.Counts.Voided, down.Counts.Duplicates = -9, -1, 1
	s.expect(down, casting.Applied, casting.Mark{Generation: up.Generation, Last: 1<<40 + 1})
	want := ballot.NewCounts(1000)
	want.Add(up.Counts)
	want.Add(down.Counts)
	compare(t, "totals", want, s.counts())
}

// countsOfPoll: shards nobody voted in are not there, which is how a reader
// tells them from shards that were lost.
func countsOfPoll(t T, v casting.View) {
	s := newScene(t, v)
	for i, number := range []int32{255, 0, 8} {
		s.shard.Number = number
		c := s.change(int64(100+i), -1, int64(i), written("v/a", "1"))
		s.expect(c, casting.Applied, casting.Mark{Generation: c.Generation, Last: c.To})
	}
	got, err := v.Counts(s.ctx, s.shard.Poll)
	if err != nil {
		t.Fatalf("reading counts: %v", err)
	}
	compare(t, "counts", []casting.ShardCounts{
		{Shard: 0, Mark: casting.Mark{Generation: 101, Last: 1}, Counts: one()},
		{Shard: 8, Mark: casting.Mark{Generation: 102, Last: 2}, Counts: one()},
		{Shard: 255, Mark: casting.Mark{Generation: 100, Last: 0}, Counts: one()},
	}, got)
	if got, err = v.Counts(s.ctx, newID()); err != nil || len(got) != 0 {
		t.Fatalf("a poll nobody voted in has counts %+v, %v", got, err)
	}
}

// endedContext: a caller who has gone is not kept waiting, and not told that
// something was done.
func endedContext(t T, v casting.View) {
	s := newScene(t, v)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Apply(ended, []casting.Change{s.change(100, -1, 0, written("v/a", "1"))}); err == nil {
		t.Errorf("Apply answers no error")
	}
	if _, err := v.Marks(ended, []casting.Shard{s.shard}); err == nil {
		t.Errorf("Marks answers no error")
	}
	if _, err := v.Counts(ended, s.shard.Poll); err == nil {
		t.Errorf("Counts answers no error")
	}
	if err := v.Replace(ended, casting.ShardState{Shard: s.shard, Mark: casting.Mark{Generation: 1}}); err == nil {
		t.Errorf("Replace answers no error")
	}
}
