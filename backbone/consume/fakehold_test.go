package consume

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"floodgate.internal/backbone/hold"
)

// fakeHolds keeps holds as hold.Store does, by the same suite of rules in a
// simpler way; its answers may come late, and its writes too.
type fakeHolds struct {
	mu     sync.Mutex
	owners map[hold.Partition]string
	rows   map[hold.Partition]map[string][]int64
	takes  func() time.Duration // nil: no time
	refuse int                  // so many calls are refused first
	calls  int
}

func newFakeHolds() *fakeHolds {
	return &fakeHolds{owners: make(map[hold.Partition]string), rows: make(map[hold.Partition]map[string][]int64)}
}

// do takes its time, deaf to its context as a lost answer is, and then works.
func (f *fakeHolds) do(work func() error) error {
	f.mu.Lock()
	f.calls++
	if f.refuse > 0 {
		f.refuse--
		f.mu.Unlock()
		return errors.New("the database is away")
	}
	var takes time.Duration
	if f.takes != nil {
		takes = f.takes()
	}
	f.mu.Unlock()
	elapse(takes)
	f.mu.Lock()
	defer f.mu.Unlock()
	return work()
}

func (f *fakeHolds) Begin(_ context.Context, p hold.Partition, owner string, limit int) (keys []string, err error) {
	err = f.do(func() error {
		f.owners[p] = owner
		keys = slices.Sorted(maps.Keys(f.rows[p]))
		keys = keys[:min(len(keys), limit)]
		return nil
	})
	return keys, err
}

func (f *fakeHolds) Hold(_ context.Context, owner string, r hold.Record) error {
	return f.do(func() error { return f.add(owner, r) })
}

func (f *fakeHolds) add(owner string, r hold.Record) error {
	if f.owners[r.Partition] != owner {
		return hold.ErrFenced
	}
	if f.rows[r.Partition] == nil {
		f.rows[r.Partition] = make(map[string][]int64)
	}
	rows := append(slices.Clone(f.rows[r.Partition][string(r.Key)]), r.Offset)
	slices.Sort(rows)
	f.rows[r.Partition][string(r.Key)] = slices.Compact(rows)
	return nil
}

func (f *fakeHolds) Park(_ context.Context, owner string, r hold.Record) (first int64, held bool, err error) {
	err = f.do(func() error {
		if f.owners[r.Partition] != owner {
			return hold.ErrFenced
		}
		if first, held = f.before(r); held {
			return f.add(owner, r)
		}
		return nil
	})
	return first, held, err
}

func (f *fakeHolds) Before(_ context.Context, r hold.Record) (first int64, held bool, err error) {
	err = f.do(func() error {
		first, held = f.before(r)
		return nil
	})
	return first, held, err
}

func (f *fakeHolds) before(r hold.Record) (int64, bool) {
	rows := f.rows[r.Partition][string(r.Key)]
	if len(rows) == 0 || rows[0] >= r.Offset {
		return 0, false
	}
	return rows[0], true
}

func (f *fakeHolds) Release(_ context.Context, r hold.Record) (free bool, err error) {
	err = f.do(func() error {
		rows := slices.DeleteFunc(f.rows[r.Partition][string(r.Key)], func(o int64) bool { return o == r.Offset })
		if free = len(rows) == 0; free {
			delete(f.rows[r.Partition], string(r.Key))
		} else {
			f.rows[r.Partition][string(r.Key)] = rows
		}
		return nil
	})
	return free, err
}

// held answers the offsets held of a key of the source that the tests use.
func (f *fakeHolds) held(key string) []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.rows[hold.Partition{Group: "g", Topic: "t", Partition: 1}][key])
}
