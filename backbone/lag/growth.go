package lag

import (
	"cmp"
	"slices"
	"time"
)

// maxSamples bounds what is kept of a partition's growth. When it is full, the
// older half loses every second sample, so that the error of an age stays in
// proportion to the age.
const maxSamples = 64

// sample is an end of the log, and when the log was first and last seen to end
// there. A record at that offset came after last; the one before it came before
// first.
type sample struct {
	offset      int64
	first, last time.Time
}

// growth is when a partition's log had which end, in offset order: what tells
// the age of a record without reading it. The zero value knows nothing. Not
// safe for concurrent use.
//
//	offset   100         160    400
//	seen     |----|      |      |---|      record 130 came between the first
//	         12:00 12:01 12:02  12:04      two, about 12:01:30
type growth struct{ samples []sample }

// saw notes that the log ended there at that time. An end below an earlier one
// says that the log was made anew: what was known is forgotten.
func (g *growth) saw(end int64, at time.Time) {
	if n := len(g.samples); n > 0 {
		switch last := &g.samples[n-1]; {
		case end == last.offset:
			last.last = at
			return
		case end < last.offset:
			g.samples = nil
		}
	}
	g.samples = append(g.samples, sample{offset: end, first: at, last: at})
	if len(g.samples) > maxSamples {
		g.thin()
	}
}

// read notes the time of a record that was read: the log ended there then.
func (g *growth) read(offset int64, at time.Time) {
	i, found := g.find(offset)
	if found {
		return
	}
	if i < len(g.samples) && at.After(g.samples[i].first) {
		at = g.samples[i].first // clocks differ; the log's order does not
	}
	g.samples = slices.Insert(g.samples, i, sample{offset: offset, first: at, last: at})
}

// at answers about when the record at offset came; false where it is older than
// all that is known, or is not there yet.
func (g *growth) at(offset int64) (time.Time, bool) {
	i, found := g.find(offset)
	if !found {
		i--
	}
	if i < 0 || i+1 >= len(g.samples) {
		return time.Time{}, false
	}
	below, above := g.samples[i], g.samples[i+1]
	share := float64(offset-below.offset) / float64(above.offset-below.offset)
	return below.last.Add(time.Duration(share * float64(above.first.Sub(below.last)))), true
}

func (g *growth) find(offset int64) (int, bool) {
	return slices.BinarySearchFunc(g.samples, offset, func(s sample, offset int64) int { return cmp.Compare(s.offset, offset) })
}

func (g *growth) thin() {
	kept := g.samples[:1] // the oldest is what all others are measured from
	for i, s := range g.samples[1:] {
		if i >= maxSamples/2 || i%2 == 1 {
			kept = append(kept, s)
		}
	}
	g.samples = kept
}
