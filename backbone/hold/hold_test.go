package hold_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"floodgate.internal/backbone/hold"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, db *sqldb.DB) *hold.Store {
	t.Helper()
	s, err := hold.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func source() hold.Partition { return hold.Partition{Group: "g", Topic: "t", Partition: 3} }

func at(key string, offset int64) hold.Record {
	return hold.Record{Partition: source(), Key: []byte(key), Offset: offset}
}

// must ends the test at an error of the store.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// world is the naive model: rows per key, and who began last.
type world struct {
	owner string
	rows  map[string][]int64
}

func (w *world) add(key string, offset int64) {
	if !slices.Contains(w.rows[key], offset) {
		w.rows[key] = append(w.rows[key], offset)
		slices.Sort(w.rows[key])
	}
}

func (w *world) first(key string, offset int64) (int64, bool) {
	if rows := w.rows[key]; len(rows) > 0 && rows[0] < offset {
		return rows[0], true
	}
	return 0, false
}

// The store does what the model does, whatever is called in whatever order;
// rows of other partitions, topics and groups are other rows.
func TestStoreAgainstTheModel(t *testing.T) {
	t.Parallel()
	s := open(t, sqldbtest.Open(t))
	ctx := t.Context()
	var run int32
	rapid.Check(t, func(rt *rapid.T) {
		run++
		here := hold.Partition{Group: "g", Topic: "t", Partition: run}
		elsewhere := []hold.Partition{{Group: "h", Topic: "t", Partition: run}, {Group: "g", Topic: "u", Partition: run}}
		for i, p := range elsewhere {
			must[[]string](t)(s.Begin(ctx, p, "other", 10))
			if err := s.Hold(ctx, "other", hold.Record{Partition: p, Key: []byte("a"), Offset: int64(i)}); err != nil {
				t.Fatal(err)
			}
		}
		w := &world{rows: make(map[string][]int64)}
		record := func(rt *rapid.T) (hold.Record, string) {
			// A key that is no text: what SQL makes of it must be the same bytes.
			key := rapid.SampledFrom([]string{"a", "b", "\x00\xff'"}).Draw(rt, "key")
			return hold.Record{Partition: here, Key: []byte(key), Offset: rapid.Int64Range(0, 8).Draw(rt, "offset")}, key
		}
		owner := func(rt *rapid.T) string { return rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "owner") }
		rt.Repeat(map[string]func(*rapid.T){
			"begin": func(rt *rapid.T) {
				w.owner = owner(rt)
				keys, err := s.Begin(ctx, here, w.owner, 10)
				var want []string
				for key, rows := range w.rows {
					if len(rows) > 0 {
						want = append(want, key)
					}
				}
				slices.Sort(keys)
				slices.Sort(want)
				if err != nil || !slices.Equal(keys, want) {
					rt.Fatalf("held keys %q, want %q: %v", keys, want, err)
				}
			},
			"hold": func(rt *rapid.T) {
				r, key := record(rt)
				who := owner(rt)
				err := s.Hold(ctx, who, r)
				if fenced := who != w.owner; fenced != errors.Is(err, hold.ErrFenced) || !fenced && err != nil {
					rt.Fatalf("%s, the last is %s: %v", who, w.owner, err)
				}
				if err == nil {
					w.add(key, r.Offset)
				}
			},
			"park": func(rt *rapid.T) {
				r, key := record(rt)
				who := owner(rt)
				first, held, err := s.Park(ctx, who, r)
				if who != w.owner {
					if !errors.Is(err, hold.ErrFenced) {
						rt.Fatalf("%s, the last is %s: %v", who, w.owner, err)
					}
					return
				}
				if wantFirst, want := w.first(key, r.Offset); err != nil || held != want || first != wantFirst {
					rt.Fatalf("park of %d: %d %t, want %d %t: %v", r.Offset, first, held, wantFirst, want, err)
				}
				if held {
					w.add(key, r.Offset)
				}
			},
			"before": func(rt *rapid.T) {
				r, key := record(rt)
				first, held, err := s.Before(ctx, r)
				if wantFirst, want := w.first(key, r.Offset); err != nil || held != want || first != wantFirst {
					rt.Fatalf("before %d: %d %t, want %d %t: %v", r.Offset, first, held, wantFirst, want, err)
				}
			},
			"release": func(rt *rapid.T) {
				r, key := record(rt)
				free, err := s.Release(ctx, r)
				w.rows[key] = slices.DeleteFunc(w.rows[key], func(o int64) bool { return o == r.Offset })
				if err != nil || free != (len(w.rows[key]) == 0) {
					rt.Fatalf("free %t with %v: %v", free, w.rows[key], err)
				}
			},
		})
	})
}

// What is held is there for whoever opens the database next.
func TestHoldsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	url, options := sqldbtest.Fresh(t)
	first, err := sqldb.Open(t.Context(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, first)
	must[[]string](t)(s.Begin(t.Context(), source(), "x", 10))
	if err := s.Hold(t.Context(), "x", at("a", 5)); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, sqldbtest.Reopen(t, url, options))
	if keys := must[[]string](t)(again.Begin(t.Context(), source(), "y", 10)); !slices.Equal(keys, []string{"a"}) {
		t.Errorf("held keys %q", keys)
	}
}

func TestBeginAnswersNoMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	s := open(t, sqldbtest.Open(t))
	must[[]string](t)(s.Begin(t.Context(), source(), "x", 10))
	for i := range int64(6) {
		if err := s.Hold(t.Context(), "x", at(fmt.Sprint(i/2), i)); err != nil {
			t.Fatal(err)
		}
	}
	if keys := must[[]string](t)(s.Begin(t.Context(), source(), "x", 2)); len(keys) != 2 {
		t.Errorf("keys %q, want two of three", keys)
	}
}

// A record is parked behind another while that is released: either it is
// handled after it, or it holds the key itself. Never is it neither.
func TestParkAndReleaseRace(t *testing.T) {
	t.Parallel()
	s := open(t, sqldbtest.Open(t))
	ctx := t.Context()
	must[[]string](t)(s.Begin(ctx, source(), "x", 10))
	for round := range int64(50) {
		key := fmt.Sprint(round)
		if err := s.Hold(ctx, "x", at(key, 1)); err != nil {
			t.Fatal(err)
		}
		var released atomic.Bool
		var sides sync.WaitGroup
		sides.Go(func() {
			released.Store(true) // the effect comes before the release
			if _, err := s.Release(ctx, at(key, 1)); err != nil {
				t.Error(err)
			}
		})
		sides.Go(func() {
			_, held, err := s.Park(ctx, "x", at(key, 2))
			if err != nil || !held && !released.Load() {
				t.Errorf("held %t before the release: %v", held, err)
			}
			if _, waits, err := s.Before(context.WithoutCancel(ctx), at(key, 3)); err != nil || held && !waits {
				t.Errorf("parked, and the next does not wait: %v", err)
			}
		})
		sides.Wait()
	}
}

func TestListNamesTheRecordToMend(t *testing.T) {
	t.Parallel()
	s := open(t, sqldbtest.Open(t))
	must[[]string](t)(s.Begin(t.Context(), source(), "x", 10))
	for _, r := range []hold.Record{at("a", 7), at("a", 9), at("b", 8)} {
		if err := s.Hold(t.Context(), "x", r); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for _, h := range must[[]hold.Held](t)(s.List(t.Context(), "g", 10)) {
		if h.Since.IsZero() {
			t.Errorf("no time: %+v", h)
		}
		lines = append(lines, fmt.Sprintf("%s/%d %s %d %d", h.Topic, h.Partition.Partition, h.Key, h.First, h.Records))
	}
	if got := strings.Join(lines, ", "); got != "t/3 a 7 2, t/3 b 8 1" {
		t.Errorf("held: %s", got)
	}
	if none := must[[]hold.Held](t)(s.List(t.Context(), "h", 10)); len(none) != 0 {
		t.Errorf("of another group: %+v", none)
	}
}
