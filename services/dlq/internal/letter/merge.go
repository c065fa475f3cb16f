package letter

// News is what a letter tells.
type News uint8

// The news. None: the letter was read before, after a crash or a rebalance.
// Counted: one more failure, older than the last that is known. Latest: the
// last failure that is known.
const (
	NoNews News = iota
	Counted
	Latest
)

// Merge brings a letter into the failure it belongs to and answers the failure
// as it then is.
//
// Attempts are counted, the first failure is the earliest, and the error is the
// latest: a letter older than what is known overwrites nothing. The place in the
// log is the first at which the event failed in the group, see First.
func Merge(f Failure, l *Letter) (Failure, News) {
	same := f.Place.Source == l.Place.Source
	if same && l.Place.Offset <= f.Place.Offset {
		return f, NoNews
	}
	if l.standsBefore(&f) {
		f.Offset, f.EventType = l.Offset, l.EventType
	}
	f.FirstFailedAt = min(f.FirstFailedAt, l.FirstFailedAt)
	if l.Carried {
		f.Attempts = max(f.Attempts, l.Attempts)
	} else {
		f.Attempts = added(f.Attempts, l.Attempts)
	}
	latest := l.LastFailedAt >= f.LastFailedAt
	if same || latest {
		// Behind this place everything of the source has been read.
		f.Place = l.Place
	}
	if !latest {
		return f, Counted
	}
	f.Status = reopened(&f, l)
	if !f.Status.Closed() {
		f.ClosedAt = 0
	}
	f.Service, f.Class, f.Reason, f.Message, f.Fingerprint = l.Service, l.Class, l.Reason, l.Message, l.Fingerprint
	f.TraceID, f.Indefinite, f.LastFailedAt = l.TraceID, l.Indefinite, l.LastFailedAt
	return f, Latest
}

// reopened answers the status behind a letter: what was closed after it failed
// stays closed.
func reopened(f *Failure, l *Letter) Status {
	if f.Status.Closed() && l.LastFailedAt <= f.ClosedAt {
		return f.Status
	}
	next, err := f.Status.After(Failed)
	if err != nil {
		return f.Status
	}
	return next
}

// added is a sum that stays in its type: a letter may claim any count.
func added(a, b int32) int32 {
	return int32(min(int64(a)+int64(b), 1<<31-1)) //nolint:gosec // bounded
}

// MergeAll merges letters of one failure in their order. It answers the one
// whose error is the latest, nil where that was known before, and whether any
// told anything new.
func MergeAll(f Failure, letters []*Letter) (merged Failure, latest *Letter, changed bool) {
	for _, l := range letters {
		var news News
		if f, news = Merge(f, l); news == Latest {
			latest = l
		}
		changed = changed || news != NoNews
	}
	return f, latest, changed
}

// New answers the failure that letters of one failure make where none of them
// was known, at least one.
func New(letters []*Letter) Failure {
	f := letters[0].Failure
	f.Status, f.ClosedAt = Open, 0
	f, _, _ = MergeAll(f, letters[1:])
	return f
}

// ByFailure gathers the letters of a slice that belong together, in the order
// of their first letters.
func ByFailure(letters []Letter) [][]*Letter {
	at := make(map[string]int, len(letters))
	out := make([][]*Letter, 0, len(letters))
	for i := range letters {
		l := &letters[i]
		place, known := at[l.ID]
		if !known {
			place = len(out)
			at[l.ID] = place
			out = append(out, nil)
		}
		out[place] = append(out[place], l)
	}
	return out
}
