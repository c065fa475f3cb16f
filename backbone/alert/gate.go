package alert

import "time"

// Verdict is what one look at a number says about its two bounds.
type Verdict int

// The verdicts. Unknown is no news at all, neither good nor bad.
const (
	Unknown Verdict = iota
	// Above: at the bound that raises, or beyond.
	Above
	// Between the two bounds.
	Between
	// Below the bound that clears.
	Below
)

// Looks is how many looks in a row say the same before a gate believes them.
type Looks struct{ Raise, Clear int }

// Gate turns looks into the changes of one alert, so that a number that swings
// around a bound raises nothing twice:
//
//	          Raise looks Above in a row
//	cleared ────────────────────────────> raised
//	        <────────────────────────────
//	          Clear looks Below in a row
//
// Any other look but an unknown one begins the row anew; an unknown one neither
// adds to it nor ends it. The zero value is cleared. Not safe for concurrent
// use.
type Gate struct {
	raised bool
	row    int
	since  time.Time
}

// Look takes a verdict and answers whether the alert changed by it.
func (g *Gate) Look(v Verdict, looks Looks, now time.Time) bool {
	wanted, needed := Above, looks.Raise
	if g.raised {
		wanted, needed = Below, looks.Clear
	}
	switch v {
	case Unknown:
		return false
	case wanted:
	default:
		g.row = 0
		return false
	}
	if g.row == 0 {
		g.since = now
	}
	g.row++
	if g.row < needed {
		return false
	}
	g.raised, g.row = !g.raised, 0
	return true
}

// Adopt sets the state that others know of; a row that led elsewhere ends.
func (g *Gate) Adopt(raised bool) {
	if g.raised != raised {
		g.raised, g.row = raised, 0
	}
}

// Raised answers the gate's state.
func (g *Gate) Raised() bool { return g.raised }

// Since is when the row began that led to the last change, or leads to the
// next; zero where there was none.
func (g *Gate) Since() time.Time { return g.since }
