package letter

// Merge brings a letter into the failure it belongs to. It answers the failure
// as it then is, and false where the letter tells nothing new: a letter that
// was read before, after a crash or a rebalance.
//
// Attempts are counted, the first failure is the earliest, and the error is the
// latest: a letter older than what is known overwrites nothing. The place in
// the log and the payload are those that came first, as the first position of
// an identity wins (SEMANTICS 1).
func Merge(f Failure, l *Letter) (Failure, bool) {
	if f.Place.Source == l.Place.Source && l.Place.Offset <= f.Place.Offset {
		return f, false
	}
	f.FirstFailedAt = min(f.FirstFailedAt, l.FirstFailedAt)
	if l.Carried {
		f.Attempts = max(f.Attempts, l.Attempts)
	} else {
		f.Attempts = added(f.Attempts, l.Attempts)
	}
	if l.LastFailedAt < f.LastFailedAt {
		return f, true
	}
	f.Status = reopened(&f, l)
	if !f.Status.Closed() {
		f.ClosedAt = 0
	}
	f.Service, f.Class, f.Reason, f.Message, f.Fingerprint = l.Service, l.Class, l.Reason, l.Message, l.Fingerprint
	f.TraceID, f.Indefinite, f.LastFailedAt, f.Place = l.TraceID, l.Indefinite, l.LastFailedAt, l.Place
	return f, true
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

// MergeAll merges letters of one failure in their order, and answers the last of
// them that told anything new; nil where none did.
func MergeAll(f Failure, letters []*Letter) (Failure, *Letter) {
	var last *Letter
	for _, l := range letters {
		merged, changed := Merge(f, l)
		if changed {
			f, last = merged, l
		}
	}
	return f, last
}

// New answers the failure that letters of one failure make where none of them
// was known, at least one.
func New(letters []*Letter) Failure {
	f := letters[0].Failure
	f.Status, f.ClosedAt = Open, 0
	f, _ = MergeAll(f, letters[1:])
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
