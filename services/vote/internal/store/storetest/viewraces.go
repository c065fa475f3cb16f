package storetest

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"floodgate.internal/services/vote/internal/casting"
)

// records is how many offsets the racing writers bring to a shard.
const records = 200

// Faults of a view that writers meet.
var (
	errOutcome = errors.New("an outcome that nothing here can bring about")
	errStuck   = errors.New("changes are applied, and the shard does not move")
)

// writer applies offset after offset, one vote each, as a claim does: it goes on
// from where it finds the shard. Its mark may be as old as it likes.
type writer struct {
	view casting.View
	s    *scene
	mark casting.Mark
	// mine counts the changes this writer was told are applied.
	mine int64
}

// run brings the shard to the last of the records. Others move the shard at
// most once for each record and rebuild; more tries mean that it does not move.
func (w *writer) run(ctx context.Context) error {
	for tries := 0; w.mark.Last < records-1; tries++ {
		if tries > 10*records {
			return errStuck
		}
		next := w.mark.Last + 1
		results, err := w.view.Apply(ctx, []casting.Change{
			w.s.change(w.mark.Generation, w.mark.Last, next, written("v/"+strconv.FormatInt(next, 10), "1")),
		})
		if err != nil {
			return err
		}
		switch r := results[0]; r.Outcome {
		case casting.Applied:
			w.mark = r.Mark
			w.mine++
		case casting.Moved:
			w.mark = r.Mark
		default:
			return errOutcome
		}
	}
	return nil
}

// race runs functions at once and fails the case by their errors.
func race(t T, run ...func(context.Context) error) {
	t.Helper()
	faults := make([]error, len(run))
	var all sync.WaitGroup
	for i, one := range run {
		all.Go(func() { faults[i] = one(t.Context()) })
	}
	all.Wait()
	if err := errors.Join(faults...); err != nil {
		t.Fatalf("racing: %v", err)
	}
}

// twoWriters are a claim's owner and the one before it, who does not know yet:
// each offset is applied by exactly one of them.
func twoWriters(t T, v casting.View) {
	s := newScene(t, v)
	a := &writer{view: v, s: s, mark: casting.Mark{Generation: 100, Last: -1}}
	b := &writer{view: v, s: s, mark: casting.Mark{Generation: 200, Last: -1}}
	race(t, a.run, b.run)
	if a.mine+b.mine != records {
		t.Errorf("%d and %d changes are said to be applied, of %d", a.mine, b.mine, records)
	}
	if mark := s.mark(); mark.Last != records-1 || mark != a.mark || mark != b.mark {
		t.Errorf("the shard is at %+v, the writers at %+v and %+v", mark, a.mark, b.mark)
	}
	if counts := s.counts(); counts.Total() != records {
		t.Errorf("%d votes are counted, want %d", counts.Total(), records)
	}
}

// rebuildBesideWriter: builds of every length are put in place while a writer
// moves on. One vote per offset means that mark and total always agree.
func rebuildBesideWriter(t T, v casting.View) {
	s := newScene(t, v)
	w := &writer{view: v, s: s, mark: casting.Mark{Generation: 1000, Last: -1}}
	rebuilds := func(ctx context.Context) error {
		for i := range int64(records / 2) {
			state := s.state(2000+i, 2*i)
			for offset := range 2*i + 1 {
				state.Fields = append(state.Fields, written("v/"+strconv.FormatInt(offset, 10), "1"))
			}
			if err := v.Replace(ctx, state); err != nil {
				return err
			}
		}
		return nil
	}
	race(t, w.run, rebuilds)
	counts, mark := s.counts(), s.mark()
	if mark.Last != records-1 || counts.Total() != records {
		t.Errorf("%d votes are counted at %+v, want %d", counts.Total(), mark, records)
	}
}
