package casting

import (
	"context"
	"errors"
)

// ErrRebuilding says that the live view is behind and its owner rebuilds it.
var ErrRebuilding = errors.New("the live view is being rebuilt")

// Replay counts records that came back through the group's replay topic, each
// at its origin's position. The claim of the source may be elsewhere: fields
// are compared, so the two never overwrite each other. Errors: ErrRebuilding,
// and those of the stores; the same slice again is counted once.
func (t *Tally) Replay(ctx context.Context, events []Event) (Findings, error) {
	folds, failed, err := foldByShard(ctx, t.polls, events)
	if err != nil {
		return Findings{}, err
	}
	marks, err := t.replayMarks(ctx, folds)
	if err != nil {
		return Findings{}, err
	}
	found := Findings{Failed: failed}
	for range maxRounds {
		if len(folds) == 0 {
			return found, nil
		}
		if folds, err = t.replayOnce(ctx, folds, marks, &found); err != nil {
			return Findings{}, err
		}
	}
	return Findings{}, errContended
}

// replayOnce brings each fold to the view and answers those to decide anew.
func (t *Tally) replayOnce(ctx context.Context, folds []*fold, marks map[Shard]Mark, found *Findings) ([]*fold, error) {
	changes := make([]Change, len(folds))
	for i, f := range folds {
		change, err := f.change(marks[f.shard])
		if err != nil {
			return nil, err
		}
		change.Replay = true
		changes[i] = change
	}
	results, err := t.view.Apply(ctx, changes)
	if err != nil {
		return nil, err
	}
	var again []*fold
	for i, r := range results {
		switch r.Outcome {
		case Applied:
			found.Already = append(found.Already, folds[i].already...)
		case Behind:
			return nil, ErrRebuilding
		default:
			folds[i].learn(changes[i].Fields, r.Actual)
			again = append(again, folds[i])
		}
	}
	return again, nil
}

// replayMarks answers the floors of the folds' shards: what the view must have.
func (t *Tally) replayMarks(ctx context.Context, folds []*fold) (map[Shard]Mark, error) {
	marks, seen := map[Shard]Mark{}, map[string]bool{}
	for _, f := range folds {
		if seen[f.shard.Poll] {
			continue
		}
		seen[f.shard.Poll] = true
		floors, err := t.floors.OfPoll(ctx, f.shard.Poll)
		if err != nil {
			return nil, err
		}
		for _, floor := range floors {
			marks[floor.Shard] = Mark{Last: floor.Last}
		}
	}
	for _, f := range folds {
		if _, ok := marks[f.shard]; !ok {
			marks[f.shard] = Mark{Last: -1}
		}
	}
	return marks, nil
}
