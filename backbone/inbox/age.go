package inbox

import (
	"errors"
	"time"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
)

// ErrTooOld says that an event is older than the inbox remembers, so that nobody
// can say whether it was applied. It is failure.Permanent: the record goes to the
// dead letters, where an operator finds it.
var ErrTooOld = errors.New("older than the inbox remembers: it may have been applied, and was not applied again; " +
	"replay it on an operator's word (inbox Config.Vouch), or give the effect a permanent key")

func tooOld() error { return failure.As(failure.Permanent, "INBOX_TOO_OLD", ErrTooOld) }

// Check is ErrTooOld for a replay or a relayed record whose event is older than
// Retention and which nobody vouches for, else nil. Take and TakeOne ask it by
// themselves; in front of a script it is the caller's to ask.
//
// A record at the place where it was first written is not judged: the log
// delivers it again as long as it has it, which Retention covers.
func (i *Inbox) Check(r *record.Record) error {
	if i.cfg.Retention == Forever {
		return nil
	}
	at, again := firstWritten(r)
	if !again || time.Since(at) <= i.cfg.Retention || i.cfg.Vouch != nil && i.cfg.Vouch(r) {
		return nil
	}
	return tooOld()
}

// firstWritten answers the earliest time at which the event of a record that
// comes back may have been in the log; false for one that does not.
//
//	from the group's replay topic   its origin's time in the log
//	replayed to its source topic    when it happened
//	through a spool                 when the spool had it, which is after the
//	                                first attempt at the log by no more than
//	                                that attempt's time
func firstWritten(r *record.Record) (at time.Time, again bool) {
	if origin, replayed := deadletter.Origin(r); replayed {
		at, again = origin.Timestamp, true
	} else if _, replayed := r.Get(record.HeaderReplayID); replayed {
		at, again = timeOf(r, record.HeaderOccurredAt)
	}
	if spooled, ok := timeOf(r, record.HeaderSpooledAt); ok && (!again || spooled.Before(at)) {
		at, again = spooled, true
	}
	return at, again
}

func timeOf(r *record.Record, header string) (time.Time, bool) {
	text, _ := r.Get(header)
	at, err := time.Parse(time.RFC3339Nano, text)
	return at, err == nil
}
