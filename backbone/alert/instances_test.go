package alert

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// instance is a process that believes it answers for the alert, whose board is
// driven step by step.
type instance struct {
	board *Board
	due   []*opsv1.Alert // read and decided, not written yet
}

// Several instances that all believe the alert is theirs read, decide, write,
// lose answers and die at any point. Whoever reads ops.alert and takes each
// event id once is told RAISED and CLEARED in turn, never one of them twice; and
// once one instance is left and at rest, what is told is what it wants.
func TestInstancesThatBelieveAtOnceTellItOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		on := &topic{}
		fresh := func() *instance {
			b, err := NewBoard(Config{Service: "vote"}, &reader{topic: on})
			if err != nil {
				t.Fatal(err)
			}
			return &instance{board: b}
		}
		all := []*instance{fresh(), fresh(), fresh()}
		pick := func() int { return rapid.IntRange(0, len(all)-1).Draw(t, "instance") }
		t.Repeat(map[string]func(*rapid.T){
			"toggle": func(*rapid.T) { all[pick()].toggle(t) },
			"read":   func(*rapid.T) { all[pick()].read(t) },
			"write":  func(*rapid.T) { all[pick()].write(t) },
			"lost answer": func(*rapid.T) {
				on.swallow = 1
				all[pick()].write(t)
				on.swallow = 0
			},
			"die":     func(*rapid.T) { all[pick()] = fresh() },
			"give up": func(*rapid.T) { all[pick()].board.Release("x") },
			"": func(t *rapid.T) {
				if told := on.told("x"); !alternate(told) {
					t.Fatalf("told %v", told)
				}
			},
		})
		last := all[0]
		want := last.wants()
		for range 4 { // each round writes what is due and reads it back
			last.read(t)
			last.write(t)
		}
		told := append([]opsv1.Alert_State{cleared}, on.told("x")...)
		if at := told[len(told)-1]; len(last.board.pending) > 0 || last.wants() != at {
			t.Fatalf("at rest: it wants %v (%v before), %v is told, %d pending", last.wants(), want, at, len(last.board.pending))
		}
	})
}

func (i *instance) wants() opsv1.Alert_State {
	if raisedNow, _ := i.board.Raised("x"); raisedNow {
		return raised
	}
	return cleared
}

// toggle changes the alert as a gate would: away from what is believed.
func (i *instance) toggle(t *rapid.T) {
	to := raised
	if i.wants() == raised {
		to = cleared
	}
	i.board.Change(t.Context(), change("x", to))
}

func (i *instance) read(t *rapid.T) {
	news, err := i.board.journal.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i.due = i.board.learn(news)
}

func (i *instance) write(t *rapid.T) {
	for _, a := range i.due {
		_ = i.board.journal.Append(t.Context(), a)
	}
	i.due = nil
}

// alternate answers whether the states begin with RAISED and never repeat.
func alternate(states []opsv1.Alert_State) bool {
	return len(states) == 0 || states[0] == raised && len(slices.Compact(slices.Clone(states))) == len(states)
}
