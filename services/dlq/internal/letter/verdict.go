package letter

import (
	"fmt"
	"time"
)

// Verdict says whether records or a dependency are at fault.
type Verdict uint8

// The verdicts. Undecided is the zero value.
const (
	Undecided Verdict = iota
	// Poison: the records are at fault; replaying them fails again until they,
	// or the code, are mended.
	Poison
	// Outage: something that they need was away; replaying them helps once it
	// is back.
	Outage
)

// Numbers of the verdict.
const (
	// EvidenceLimit is how many failures of a kind are looked at, the newest:
	// enough to tell a half from a tenth, and a hundred kinds are looked at for
	// one page.
	EvidenceLimit = 300
	// enough is how many failures a spread is read from: below it, chance
	// alone makes keys look few or many.
	enough = 10
	// burst is how close together the failures of one outage begin: a budget
	// of tries (a minute by default), several times over.
	burst = 10 * time.Minute
	// RateWindow is what a rate is taken over.
	RateWindow = 10 * time.Minute
)

// Evidence is how the newest failures of a kind, at most EvidenceLimit, are
// spread. Times are Unix microseconds.
type Evidence struct {
	Class string
	// Failures is how many were looked at, Keys how many distinct keys they have.
	Failures, Keys int64
	// Oldest and Newest are when the first and the last of them failed.
	Oldest, Newest int64
	// Recent is how many of them failed within RateWindow before now.
	Recent int64
}

// Decide answers the verdict, and why in a sentence.
//
// What the handler itself calls PERMANENT or UNDECODABLE is the record's fault,
// however many there are. Else the spread tells: an outage fails many keys at
// the same time, a bad record fails its own key again and again.
func Decide(e Evidence) (Verdict, string) {
	span := time.Duration(e.Newest-e.Oldest) * time.Microsecond
	spread := fmt.Sprintf("%s over %s within %s", counted(e.Failures, "failure"), counted(e.Keys, "key"), span.Round(time.Second))
	switch {
	case e.Class == "PERMANENT" || e.Class == "UNDECODABLE":
		return Poison, "the class " + e.Class + " says that these records fail alike however often they are tried; " + spread
	case e.Failures < enough:
		return Undecided, spread + ": too few to tell"
	case e.Keys*10 <= e.Failures:
		return Poison, spread + ": few keys fail again and again"
	case e.Keys*2 >= e.Failures && span <= burst:
		return Outage, spread + ": many keys fail at the same time, so something that they need was away"
	case e.Keys*2 >= e.Failures:
		return Undecided, spread + ": many keys, but not at the same time"
	default:
		return Undecided, spread + ": neither few keys nor many"
	}
}

// Rate answers failures a minute over RateWindow before now. Where all that was
// looked at is younger than that, the rate is that of its own span.
func Rate(e Evidence, now int64) float64 {
	window := RateWindow
	if e.Recent >= EvidenceLimit {
		window = max(time.Duration(now-e.Oldest)*time.Microsecond, time.Second)
	}
	return float64(e.Recent) / window.Minutes()
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
