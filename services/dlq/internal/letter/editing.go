package letter

import "fmt"

// Standing is what is known of an event that an edited one is to replace. It has
// a group's failure for each group that could not handle the event, and tells of
// the others how far they have read.
type Standing struct {
	// Failures are those of the event, of whatever group; a client's own report
	// has none.
	Failures []Failure
	// Groups are those that read the event's topic.
	Groups []string
	// Last is where the event's last copy stands in its partition; NoPlace where
	// the log does not have it.
	Last int64
	// Read is where each group goes on in that partition; those that have not
	// committed there are missing.
	Read map[string]int64
	// Unheard are groups that have a replayed record of the event before them, or
	// have said what became of it and were not heard yet.
	Unheard []string
	// Rebuilt says that views of the topic are counted anew from its log.
	Rebuilt bool
}

// RefusalError says why an event may not be replaced. Reason is a word for programs,
// Group the group that stands in the way, empty where it is none.
type RefusalError struct{ Reason, Group, Why string }

// Error is for people.
func (r *RefusalError) Error() string { return r.Why }

// MayReplace answers nil where no group has applied the event and none can any
// more, else a RefusalError (SEMANTICS 20).
//
// An event that is in the log must have failed in every group that reads it,
// wait for a decision there, and have no later copy before any of them. One that
// is not there was reported by a client alone: then nobody can have read it.
func MayReplace(s Standing) error {
	of := make(map[string]*Failure, len(s.Failures))
	inLog := s.Last != NoPlace
	for i := range s.Failures {
		f := &s.Failures[i]
		of[f.Group] = f
		inLog = inLog || f.Group != ""
		if f.Status == Replaying {
			return refuse("GROUP_REPLAYS", f.Group, "a replay has it in %s: cancel that one, or await its end", name(f.Group))
		}
	}
	if !inLog {
		return s.reported(of[""])
	}
	for _, group := range s.Groups {
		if err := s.failed(group, of[group]); err != nil {
			return err
		}
	}
	for _, group := range s.Unheard {
		return refuse("OUTCOME_AWAITED", group, "what became of its replay in %s is not known yet: try again", group)
	}
	return nil
}

// reported is about an event that no log has.
func (s Standing) reported(f *Failure) error {
	if f == nil || f.Status.Closed() {
		return refuse("NOTHING_OPEN", "", "no failure of it waits for a decision")
	}
	return nil
}

// failed is about one group, whose failure of the event is nil where it has none.
func (s Standing) failed(group string, f *Failure) error {
	next, committed := s.Read[group]
	if f == nil && committed && next > s.Last {
		return refuse("GROUP_APPLIED", group, "%s has passed it without a failure, so it was applied there", group)
	}
	if f == nil {
		return refuse("GROUP_NOT_READ", group, "%s has not read it yet, and may apply it", group)
	}
	switch {
	case f.Status == Resolved:
		return refuse("GROUP_APPLIED", group, "%s has applied it", group)
	case f.Status == Discarded:
		return refuse("GROUP_DISCARDED", group, "it was discarded in %s: restore it first", group)
	case s.Last > f.Offset && (!committed || next <= s.Last):
		return refuse("GROUP_NOT_READ", group, "%s has not read its later copy at offset %d yet, and may apply that", group, s.Last)
	case s.Rebuilt && !atFault(f):
		return refuse("NOT_AT_FAULT", group, "%s calls it %s: it stays in the log, and a view that is rebuilt from there would have it beside the edited one; "+
			"replay it instead", group, f.Class)
	}
	return nil
}

// Undelivered refuses a decision while an earlier one about the same failure is
// still to be told.
func Undelivered() error {
	return refuse("DECISION_PENDING", "", "what was decided about the failure before is not published yet: try again")
}

// atFault says that the record fails alike whoever handles it, and whenever.
func atFault(f *Failure) bool { return f.Class == "PERMANENT" || f.Class == "UNDECODABLE" }

func refuse(reason, group, why string, args ...any) error {
	return &RefusalError{Reason: reason, Group: group, Why: fmt.Sprintf(why, args...)}
}

// name is a group in a sentence.
func name(group string) string {
	if group == "" {
		return "its topic, as a client's report"
	}
	return group
}
