package casting

import (
	"floodgate.internal/services/vote/internal/ballot"
)

// worksheet plays events of one shard over what is stored and collects what
// they write.
type worksheet struct {
	f      *fold
	counts ballot.Counts
	voters map[string]*ballot.Voter
	order  []string
	// rejected are the fields of rejected votes that were read or written.
	rejected map[string][]byte
	asked    []string
	// already are the places of the replays that change nothing.
	already []int
}

func newWorksheet(f *fold) *worksheet {
	return &worksheet{
		f: f, counts: ballot.NewCounts(len(f.poll.Candidates)),
		voters: make(map[string]*ballot.Voter, len(f.events)), order: make([]string, 0, len(f.events)),
	}
}

// play applies one event.
func (w *worksheet) play(e Event) error {
	v, err := w.voter(e.Voter)
	if err != nil {
		return err
	}
	if e.Void != nil {
		before := len(v.Voids)
		w.counts.Apply(w.f.poll, v.Void(w.f.poll, *e.Void), false)
		w.note(e, len(v.Voids) > before)
		return nil
	}
	known, err := w.known(v, e.Voter, e.Vote.ID)
	if err != nil {
		return err
	}
	transitions := v.Cast(w.f.poll, *e.Vote, known)
	w.counts.Apply(w.f.poll, transitions, true)
	w.note(e, len(transitions) > 0)
	for _, t := range transitions {
		if t.From == ballot.Rejected || t.To == ballot.Rejected {
			w.keep(e.Voter, t)
		}
	}
	return nil
}

// note keeps a replay that was found done.
func (w *worksheet) note(e Event, changed bool) {
	if e.Replayed && !changed {
		w.already = append(w.already, e.Place)
	}
}

func (w *worksheet) voter(id string) (*ballot.Voter, error) {
	if v := w.voters[id]; v != nil {
		return v, nil
	}
	v, err := ballot.DecodeVoter(w.f.stored[voterField(id)])
	if err != nil {
		return nil, err
	}
	w.voters[id] = &v
	w.order = append(w.order, id)
	return &v, nil
}

// known answers what is stored of a rejected vote. Only voters who have any are
// looked up.
func (w *worksheet) known(v *ballot.Voter, voter, id string) (ballot.Known, error) {
	if v.Others == 0 {
		return ballot.Known{}, nil
	}
	return ballot.DecodeKnown(w.ask(rejectedField(voter, id)))
}

func (w *worksheet) ask(name string) []byte {
	value, ok := w.rejected[name]
	if ok {
		return value
	}
	if w.rejected == nil {
		w.rejected = map[string][]byte{}
	}
	w.rejected[name] = w.f.stored[name]
	w.asked = append(w.asked, name)
	return w.rejected[name]
}

// keep stores a rejected vote beside its voter, or takes it out.
func (w *worksheet) keep(voter string, t ballot.Transition) {
	name := rejectedField(voter, t.Vote.ID)
	w.ask(name)
	w.rejected[name] = nil
	if t.To == ballot.Rejected {
		w.rejected[name] = ballot.Known{Seen: true, Offset: t.Vote.Offset, Reason: t.Reason}.Encode()
	}
}

// fields lists what was read, with what it becomes, in the order of reading.
func (w *worksheet) fields() []Field {
	fields := make([]Field, 0, len(w.order)+len(w.asked))
	for _, id := range w.order {
		name := voterField(id)
		fields = append(fields, Field{Name: name, Expect: w.f.stored[name], Value: w.voters[id].Encode()})
	}
	for _, name := range w.asked {
		fields = append(fields, Field{Name: name, Expect: w.f.stored[name], Value: w.rejected[name]})
	}
	return fields
}
