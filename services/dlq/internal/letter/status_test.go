package letter_test

import (
	"testing"

	"pgregory.net/rapid"

	"floodgate.internal/services/dlq/internal/letter"
)

// naive is the machine as an operator would tell it: whether there is a
// failure, who has it, and what was decided.
type naive struct {
	known, claimed, applied, discarded, parked bool
}

// take answers whether a step is possible, and takes it.
func (n *naive) take(step letter.Step) bool {
	open := n.known && !n.claimed && !n.applied && !n.discarded && !n.parked
	possible := map[letter.Step]bool{
		letter.Failed: true, letter.Claimed: open || n.parked, letter.Applied: n.known,
		letter.FailedAgain: n.claimed, letter.Capped: n.claimed, letter.Released: n.claimed,
		letter.Replaced: open || n.parked, letter.DiscardedByOperator: open || n.parked, letter.RestoredByOperator: n.discarded || n.parked,
	}[step]
	if !possible {
		return false
	}
	switch step {
	case letter.Failed:
		n.known, n.applied = true, false
	case letter.Claimed:
		n.claimed, n.parked = true, false
	case letter.Applied, letter.Replaced:
		*n = naive{known: true, applied: true}
	case letter.FailedAgain, letter.Released, letter.RestoredByOperator:
		*n = naive{known: true}
	case letter.Capped:
		*n = naive{known: true, parked: true}
	case letter.DiscardedByOperator:
		*n = naive{known: true, discarded: true}
	}
	return true
}

func (n *naive) status() letter.Status {
	switch {
	case !n.known:
		return letter.None
	case n.claimed:
		return letter.Replaying
	case n.applied:
		return letter.Resolved
	case n.discarded:
		return letter.Discarded
	case n.parked:
		return letter.Parked
	}
	return letter.Open
}

// Whatever happens in whatever order, the table and the tale agree.
func TestStatusAgreesWithANaiveModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var model naive
		status := letter.None
		for _, step := range rapid.SliceOf(rapid.SampledFrom(letter.Steps())).Draw(t, "steps") {
			next, err := status.After(step)
			if possible := model.take(step); possible != (err == nil) {
				t.Fatalf("%s after step %d: %v, the model says %t", status, step, err, possible)
			}
			if err != nil && next != status {
				t.Fatalf("a refused step leads from %s to %s", status, next)
			}
			if status = next; status != model.status() {
				t.Fatalf("step %d leads to %s, the model says %s", step, status, model.status())
			}
			if status.Closed() != (model.applied || model.discarded) {
				t.Fatalf("%s closed: %t", status, status.Closed())
			}
		}
	})
}

func TestStatusNames(t *testing.T) {
	t.Parallel()
	for _, s := range letter.Statuses() {
		if letter.ParseStatus(s.String()) != s {
			t.Errorf("%d is called %s, which is %d", s, s, letter.ParseStatus(s.String()))
		}
	}
	if letter.ParseStatus("STATUS_UNSPECIFIED") != letter.None || letter.ParseStatus("open") != letter.None {
		t.Error("what is no status is one")
	}
}

// What fails again is parked at the cap, and not before.
func TestLoopCap(t *testing.T) {
	t.Parallel()
	for replays, want := range map[int32]letter.Step{1: letter.FailedAgain, 2: letter.FailedAgain, 3: letter.Capped, 4: letter.Capped} {
		if got := letter.Again(replays, letter.LoopCap); got != want {
			t.Errorf("after %d replays: step %d", replays, got)
		}
	}
}
