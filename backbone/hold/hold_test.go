package hold_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// world is the naive model of one partition, beside the store: rows per key, and
// who began last. Its methods do the same to both and compare.
type world struct {
	store *hold.Store
	here  hold.Partition
	owner string
	rows  map[string][]int64
}

func (w *world) add(r hold.Record) {
	rows := append(slices.Clone(w.rows[string(r.Key)]), r.Offset)
	slices.Sort(rows)
	w.rows[string(r.Key)] = slices.Compact(rows)
}

func (w *world) first(r hold.Record) (int64, bool) {
	if rows := w.rows[string(r.Key)]; len(rows) > 0 && rows[0] < r.Offset {
		return rows[0], true
	}
	return 0, false
}

// draw answers a record; one of the keys is no text, and must be the same bytes
// whatever SQL makes of it.
func (w *world) draw(rt *rapid.T) hold.Record {
	key := rapid.SampledFrom([]string{"a", "b", "\x00\xff'"}).Draw(rt, "key")
	return hold.Record{Partition: w.here, Key: []byte(key), Offset: rapid.Int64Range(0, 8).Draw(rt, "offset")}
}

func drawOwner(rt *rapid.T) string { return rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "owner") }

func (w *world) begin(rt *rapid.T) {
	w.owner = drawOwner(rt)
	keys, err := w.store.Begin(rt.Context(), w.here, w.owner, 10)
	slices.Sort(keys)
	if want := slices.Sorted(maps.Keys(w.rows)); err != nil || !slices.Equal(keys, want) {
		rt.Fatalf("held keys %q, want %q: %v", keys, want, err)
	}
}

// fenced says whether err is as it must be for one who was not the last to begin.
func (w *world) fenced(rt *rapid.T, who string, err error) bool {
	fenced := who != w.owner
	if fenced != errors.Is(err, hold.ErrFenced) || !fenced && err != nil {
		rt.Fatalf("%s, the last is %s: %v", who, w.owner, err)
	}
	return fenced
}

func (w *world) hold(rt *rapid.T) {
	r, who := w.draw(rt), drawOwner(rt)
	if !w.fenced(rt, who, w.store.Hold(rt.Context(), who, r)) {
		w.add(r)
	}
}

func (w *world) park(rt *rapid.T) {
	r, who := w.draw(rt), drawOwner(rt)
	first, held, err := w.store.Park(rt.Context(), who, r)
	if w.fenced(rt, who, err) {
		return
	}
	if wantFirst, want := w.first(r); held != want || first != wantFirst {
		rt.Fatalf("park of %d: %d %t, want %d %t", r.Offset, first, held, wantFirst, want)
	}
	if held {
		w.add(r)
	}
}

func (w *world) before(rt *rapid.T) {
	r := w.draw(rt)
	first, held, err := w.store.Before(rt.Context(), r)
	if wantFirst, want := w.first(r); err != nil || held != want || first != wantFirst {
		rt.Fatalf("before %d: %d %t, want %d %t: %v", r.Offset, first, held, wantFirst, want, err)
	}
}

func (w *world) release(rt *rapid.T) {
	r := w.draw(rt)
	free, err := w.store.Release(rt.Context(), r)
	rows := slices.DeleteFunc(w.rows[string(r.Key)], func(o int64) bool { return o == r.Offset })
	if w.rows[string(r.Key)] = rows; len(rows) == 0 {
		delete(w.rows, string(r.Key))
	}
	if err != nil || free != (len(rows) == 0) {
		rt.Fatalf("free %t with %v: %v", free, rows, err)
	}
}

// The store does what the model does, whatever is called in whatever order;
// rows of other partitions, topics and groups are other rows.
func TestStoreAgainstTheModel(t *testing.T) {
	t.Parallel()
	s := open(t, sqldbtest.Open(t))
	var run int32
	rapid.Check(t, func(rt *rapid.T) {
		run++
		for i, p := range []hold.Partition{{Group: "h", Topic: "t", Partition: run}, {Group: "g", Topic: "u", Partition: run}} {
			must[[]string](t)(s.Begin(t.Context(), p, "other", 10))
			if err := s.Hold(t.Context(), "other", hold.Record{Partition: p, Key: []byte("a"), Offset: int64(i)}); err != nil {
				t.Fatal(err)
			}
		}
		w := &world{store: s, here: hold.Partition{Group: "g", Topic: "t", Partition: run}, rows: make(map[string][]int64)}
		rt.Repeat(map[string]func(*rapid.T){
			"begin": w.begin, "hold": w.hold, "park": w.park, "before": w.before, "release": w.release,
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
