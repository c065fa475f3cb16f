package consume

import (
	"cmp"
	"slices"
)

// frontier is the contiguous end of what is done among the records that were
// delivered: the offset that may be committed. Offsets in the log may have gaps
// (control records, compaction), so it counts over deliveries, not numbers: a
// gap is passed with the record before it.
//
//	delivered  4 5 7 8      (6 is a control record)
//	done       4 5   8      next = 7; when 7 is done, next = 9
//
// One per claim, never shared between claims: a late completion of an earlier
// claim must find nothing to complete. Not safe for concurrent use.
type frontier struct {
	next    int64
	pending []delivery // in offset order, the first is not done
}

type delivery struct {
	offset int64
	done   bool
}

// deliver notes a record that was handed out; offsets ascend.
func (f *frontier) deliver(offset int64) {
	if len(f.pending) == 0 {
		f.next = offset
	}
	f.pending = append(f.pending, delivery{offset: offset})
}

// finish notes that a delivered record is done and answers the frontier. An
// offset that is not pending changes nothing.
func (f *frontier) finish(offset int64) int64 {
	i, ok := slices.BinarySearchFunc(f.pending, offset, func(d delivery, offset int64) int {
		return cmp.Compare(d.offset, offset)
	})
	if !ok {
		return f.next
	}
	f.pending[i].done = true
	for len(f.pending) > 0 && f.pending[0].done {
		f.next = f.pending[0].offset + 1
		f.pending = f.pending[1:]
	}
	if len(f.pending) > 0 {
		f.next = f.pending[0].offset
	}
	return f.next
}
