package consume

import (
	"testing"

	"pgregory.net/rapid"
)

// naive says the same by definition: the lowest delivered offset that is not
// done, or the one after the last.
func naive(start int64, delivered []int64, done map[int64]bool) int64 {
	next := start
	for _, offset := range delivered {
		if !done[offset] {
			return offset
		}
		next = offset + 1
	}
	return next
}

func TestFrontierIsTheLowestUndoneDelivery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Int64Range(0, 1000).Draw(t, "start")
		f, at := frontier{next: start}, start
		var delivered []int64
		done := make(map[int64]bool)
		committed := start
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if len(delivered) == 0 || rapid.Bool().Draw(t, "deliver") {
				at += rapid.Int64Range(0, 3).Draw(t, "gap")
				f.deliver(at)
				delivered = append(delivered, at)
				at++
				continue
			}
			// Any offset: pending, done already, in a gap, never delivered.
			offset := rapid.Int64Range(start-2, at+2).Draw(t, "offset")
			next := f.finish(offset)
			for _, d := range delivered {
				done[d] = done[d] || d == offset
			}
			if want := naive(start, delivered, done); next != want {
				t.Fatalf("after finishing %d of %v: next is %d, want %d", offset, delivered, next, want)
			}
			if next < committed {
				t.Fatalf("frontier went back from %d to %d", committed, next)
			}
			committed = next
		}
	})
}
