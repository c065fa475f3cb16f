package alert

import (
	"google.golang.org/protobuf/proto"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// pending are the changes of one alert that the log does not have yet: a raise,
// a clear, or a raise and the clear after it.
type pending struct {
	changes []*opsv1.Alert
	// follows is the place in the log that the first change was decided on;
	// based is false where the log had not been read by then.
	follows int64
	based   bool
}

// add takes another change. A raise cancels a clear that is still here: seen
// from the log, the alert was never cleared.
func (p *pending) add(a *opsv1.Alert) {
	n := len(p.changes)
	switch {
	case n > 0 && p.changes[n-1].GetState() == a.GetState():
	case n > 0 && a.GetState() == opsv1.Alert_RAISED:
		p.changes = p.changes[:n-1]
	default:
		p.changes = append(p.changes, a)
	}
}

// state is where the changes lead.
func (p *pending) state() opsv1.Alert_State { return p.changes[len(p.changes)-1].GetState() }

// release gives the alert up. A raise is still to be told, also with the clear
// after it: it happened. A clear alone is the next owner's to decide.
func (p *pending) release() {
	if len(p.changes) > 0 && p.changes[0].GetState() == opsv1.Alert_CLEARED {
		p.changes = nil
	}
}

// settle compares with the log and answers the change that is to be written
// next; nil where none is. first is the log's first offset.
//
//   - What the log has already, by whoever's hand, is done.
//   - Where somebody changed the alert since this was decided, the decision was
//     made on something that no longer holds, and is dropped; the owner looks
//     again from there.
func (p *pending) settle(name string, log history, first int64) *opsv1.Alert {
	place := log.place(name, first)
	for len(p.changes) > 0 && log.state(name) == p.changes[0].GetState() {
		p.changes, p.follows, p.based = p.changes[1:], place, true
	}
	if !p.based {
		p.follows, p.based = place, true
	}
	_, known := log[name]
	if len(p.changes) > 0 && known && place != p.follows {
		p.changes = nil
	}
	if len(p.changes) == 0 {
		return nil
	}
	next := proto.CloneOf(p.changes[0]) // readers hold the one in the list
	next.Follows = place
	return next
}
