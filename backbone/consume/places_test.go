package consume

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"floodgate.internal/backbone/record"
)

// floor is a window with those who work in it, each step at random. It checks
// what must hold after each.
type floor struct {
	*window
	limit   int
	offset  int64
	hired   int     // workers that were started and have not begun
	working []*lane // with a place
	apart   []*lane // without
	waiting []*lane // for a place
	last    map[string]int64
}

func (f *floor) hire(needed bool) {
	if needed {
		f.hired++
	}
}

func (f *floor) started(l *lane) {
	if l != nil {
		f.working = append(f.working, l)
	}
}

// out takes a lane at random out of a list.
func out(t *rapid.T, from *[]*lane) *lane {
	i := rapid.IntRange(0, len(*from)-1).Draw(t, "lane")
	l := (*from)[i]
	*from = append((*from)[:i:i], (*from)[i+1:]...)
	return l
}

// handed moves the lanes whose turn has come.
func (f *floor) handed() {
	var still []*lane
	for _, l := range f.waiting {
		if l.turn == nil {
			f.working = append(f.working, l)
		} else {
			still = append(still, l)
		}
	}
	f.waiting = still
}

// done notes that a lane's first record is settled.
func (f *floor) done(t *rapid.T, l *lane) {
	key := string(l.first.Key)
	if last, ok := f.last[key]; ok && l.first.Key != nil && last >= l.first.Offset {
		t.Fatalf("key %s: %d after %d", key, l.first.Offset, last)
	}
	f.last[key] = l.first.Offset
}

// step does one thing that may happen now; false where nothing may.
func (f *floor) step(t *rapid.T, reading bool) bool {
	may := map[string]bool{
		"read": reading, "begin": f.hired > 0, "next": len(f.working) > 0, "leave": len(f.working) > 0,
		"enter": len(f.apart) > 0, "settle": len(f.apart) > 0,
	}
	var can []string
	for _, name := range []string{"read", "begin", "next", "leave", "enter", "settle"} {
		if may[name] {
			can = append(can, name)
		}
	}
	if len(can) == 0 {
		return false
	}
	switch rapid.SampledFrom(can).Draw(t, "step") {
	case "read":
		var recs []*record.Record
		for range rapid.IntRange(1, 4).Draw(t, "records") {
			r := &record.Record{Offset: f.offset}
			if key := rapid.IntRange(0, 4).Draw(t, "key"); key > 0 {
				r.Key = fmt.Append(nil, key)
			}
			recs = append(recs, r)
			f.offset++
		}
		f.hire(f.add(recs))
	case "begin":
		f.hired--
		l, more := f.begin()
		f.started(l)
		f.hire(more)
	case "next":
		l := out(t, &f.working)
		f.done(t, l)
		next, _, more := f.next(l)
		f.started(next)
		f.hire(more)
	case "leave":
		f.apart = append(f.apart, out(t, &f.working))
		f.hire(f.leave())
	case "enter":
		l := out(t, &f.apart)
		if f.enter(l) == nil {
			f.working = append(f.working, l)
		} else {
			f.waiting = append(f.waiting, l)
		}
	case "settle":
		l := out(t, &f.apart)
		f.done(t, l)
		_, more := f.settle(l)
		f.hire(more)
	}
	f.handed()
	return true
}

func (f *floor) check(t *rapid.T) {
	if busy := f.hired + len(f.working); busy+f.places.free != f.limit || busy > f.limit {
		t.Fatalf("%d places are taken, %d free, of %d", busy, f.places.free, f.limit)
	}
	if f.hired > 1 {
		t.Fatalf("%d workers are coming at once", f.hired)
	}
	if f.places.ready.len() > 0 && f.places.free > 0 && f.hired == 0 {
		t.Fatalf("%d lanes wait, %d places are free, and nobody comes", f.places.ready.len(), f.places.free)
	}
	keys := make(map[string]bool)
	for _, lanes := range [][]*lane{f.working, f.apart, f.waiting} {
		for _, l := range lanes {
			if key := string(l.first.Key); l.first.Key != nil {
				if keys[key] {
					t.Fatalf("key %s is worked on twice", key)
				}
				keys[key] = true
			}
		}
	}
}

// Whatever the order of events: no place is lost or given twice, no lane waits
// while a place is free and nobody comes, a key has one at work and its records
// come in order, one worker at most is on its way; and in the end all is done.
func TestPlacesAgainstTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "places")
		cfg := Config{Concurrency: limit}.withDefaults()
		f := &floor{window: newWindow(&cfg, 0), limit: limit, last: make(map[string]int64)}
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			f.step(t, true)
			f.check(t)
		}
		for f.step(t, false) {
			f.check(t)
		}
		if records, _, _ := f.load(); records != 0 || len(f.lanes) != 0 || len(f.waiting) != 0 || f.frontier.next != f.offset {
			t.Fatalf("%d records in %d lanes are left, %d wait, the frontier is %d of %d", records, len(f.lanes), len(f.waiting), f.frontier.next, f.offset)
		}
	})
}

// The queue answers in the order of asking, and its memory stays what its length
// once needed.
func TestAQueueIsFirstInFirstOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var model []*lane
		longest := 0
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			if len(model) > 0 && rapid.Bool().Draw(t, "pop") {
				if got := q.pop(); got != model[0] {
					t.Fatal("out of order")
				}
				model = model[1:]
			} else {
				l := &lane{}
				q.push(l)
				model = append(model, l)
			}
			longest = max(longest, len(model))
			if q.len() != len(model) || cap(q.lanes) > 8*longest+8 {
				t.Fatalf("%d of %d, memory for %d", q.len(), len(model), cap(q.lanes))
			}
		}
	})
}

// A queue that is never empty does not grow for that.
func TestALongLivedQueueStaysSmall(t *testing.T) {
	t.Parallel()
	var q queue
	q.push(&lane{})
	for range 10_000 {
		q.push(&lane{})
		q.pop()
	}
	if cap(q.lanes) > 16 {
		t.Errorf("memory for %d, holds %d", cap(q.lanes), q.len())
	}
}
