package casting

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"floodgate.internal/services/vote/internal/ballot"
)

// fold turns a slice of records of one shard into one change of the view. It
// decides upon what it believes to be stored: nothing at first, which is right
// for voters seen for the first time. The view compares, and answers what it
// has where the belief was wrong; then the fold decides anew.
type fold struct {
	shard  Shard
	poll   *ballot.Poll
	events []Event
	// size is how many events it was given.
	size int
	// stored is what the view is known to hold, by field.
	stored map[string][]byte
	// already are the places of the replays that the last change found done.
	already []int
}

// Names of the fields: ids hold no slash, so no two of them meet.
func voterField(voter string) string        { return "v/" + voter }
func rejectedField(voter, id string) string { return "r/" + voter + "/" + id }

// foldByShard sorts events into folds, and by place the ones whose poll does
// not exist.
func foldByShard(ctx context.Context, polls *PollCache, events []Event) ([]*fold, map[int]error, error) {
	var folds []*fold
	byShard, failed := map[Shard]*fold{}, map[int]error{}
	of := make([]*fold, len(events))
	for i, e := range events {
		f := byShard[e.Shard]
		if f == nil {
			p, err := polls.Get(ctx, e.Shard.Poll)
			if errors.Is(err, ErrNoPoll) {
				failed[e.Place] = err
				continue
			}
			if err != nil {
				return nil, nil, err
			}
			f = &fold{shard: e.Shard, poll: p}
			byShard[e.Shard] = f
			folds = append(folds, f)
		}
		of[i] = f
		f.size++
	}
	fill(of, events)
	// One order for everybody: two transactions never wait for each other.
	slices.SortFunc(folds, func(a, b *fold) int {
		return cmp.Or(cmp.Compare(a.shard.Poll, b.shard.Poll), cmp.Compare(a.shard.Number, b.shard.Number))
	})
	return folds, failed, nil
}

// fill gives each fold its events, in order; of names the fold of each event,
// nil for none. Sizes are known by now: growing cost a fifteenth of a drain.
func fill(of []*fold, events []Event) {
	for i, f := range of {
		if f == nil {
			continue
		}
		if f.events == nil {
			f.events = make([]Event, 0, f.size)
		}
		f.events = append(f.events, events[i])
	}
}

// last is the highest offset of the fold, -1 for replays alone: they move no
// mark.
func (f *fold) last() int64 {
	last := int64(-1)
	for _, e := range f.events {
		if !e.Replayed {
			last = max(last, e.Offset)
		}
	}
	return last
}

// skip drops the records up to an offset that the copy has applied.
func (f *fold) skip(applied int64) {
	f.events = slices.DeleteFunc(f.events, func(e Event) bool { return !e.Replayed && e.Offset <= applied })
}

// learn takes in what the view holds.
func (f *fold) learn(fields []Field, actual [][]byte) {
	if f.stored == nil {
		f.stored = make(map[string][]byte, len(fields))
	}
	for i, field := range fields {
		f.stored[field.Name] = actual[i]
	}
}

func (f *fold) forget() { f.stored = nil }

// change decides the events upon what is believed to be stored.
func (f *fold) change(mark Mark) (Change, error) {
	w := newWorksheet(f)
	for _, e := range f.events {
		if err := w.play(e); err != nil {
			return Change{}, err
		}
	}
	c := Change{Shard: f.shard, Generation: mark.Generation, From: mark.Last, To: mark.Last, Counts: w.counts}
	f.already = w.already
	c.To = max(c.To, f.last())
	c.Fields = w.fields()
	return c, nil
}
