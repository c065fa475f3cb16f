package stream

import (
	"context"
	"errors"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// errFound ends a reading at its first record.
var errFound = errors.New("found")

// Kept says whether dlq-ingest has kept every letter of a topic before ends. Its
// offset stays behind an end that a transaction's marker makes: what lies between
// is looked at.
func (o *Offsets) Kept(ctx context.Context, topic string, ends map[int32]int64) (bool, error) {
	committed, err := o.Committed(ctx, topics.GroupDLQIngest, topic)
	if err != nil {
		return false, err
	}
	for partition, end := range ends {
		next, begun := committed[partition]
		switch {
		case begun && next >= end:
			continue
		case !begun:
			return false, nil // there are letters, and none of them was read
		}
		err := o.read(ctx, topic, partition, next, end, func(*record.Record) error { return errFound })
		if err != nil {
			return false, notFound(err)
		}
	}
	return true, nil
}

// notFound answers nil for what is no fault.
func notFound(err error) error {
	if errors.Is(err, errFound) {
		return nil
	}
	return err
}

// Standing answers which of the records are in a topic still, where they were
// published.
func (o *Offsets) Standing(ctx context.Context, topic string, published []redrive.Unconfirmed) ([]redrive.Unconfirmed, error) {
	byPartition := map[int32]map[int64]redrive.Unconfirmed{}
	for _, u := range published {
		if byPartition[u.Partition] == nil {
			byPartition[u.Partition] = map[int64]redrive.Unconfirmed{}
		}
		byPartition[u.Partition][u.Offset] = u
	}
	ranges, err := o.cluster.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	var standing []redrive.Unconfirmed
	for _, r := range ranges {
		found, err := o.standing(ctx, topic, r, byPartition[r.Partition])
		if err != nil {
			return nil, err
		}
		standing = append(standing, found...)
	}
	return standing, nil
}

// standing looks through the part of a partition in which the records are, by
// their offsets.
func (o *Offsets) standing(
	ctx context.Context, topic string, in broker.Range, published map[int64]redrive.Unconfirmed,
) (standing []redrive.Unconfirmed, err error) {
	from, to := in.Next, in.First
	for offset := range published {
		from, to = min(from, offset), max(to, offset+1)
	}
	from, to = max(from, in.First), min(to, in.Next)
	if from >= to {
		return nil, nil
	}
	err = o.read(ctx, topic, in.Partition, from, to, func(r *record.Record) error {
		u, is := published[r.Offset]
		if is && get(r, record.HeaderReplayID) == u.Replay && get(r, record.HeaderFailureID) == u.Failure {
			standing = append(standing, u)
		}
		return nil
	})
	if errors.Is(err, broker.ErrOffsetGone) {
		return standing, nil // retention went on meanwhile
	}
	return standing, err
}

// silent reads the letters of records that were replayed to groups which tell no
// outcomes. The zero value knows no such group.
type silent map[failedAt]redrive.Route

// failedAt is where a record failed at first.
type failedAt struct{ topic, group string }

// newSilent knows the groups of those of the routes that are silent.
func newSilent(routes []redrive.Route) silent {
	s := silent{}
	for _, r := range routes {
		if r.Silent() {
			s[failedAt{r.Topic, r.Group}] = r
		}
	}
	return s
}

// again finds out whether a letter is one of a replayed record. Then it is one of
// the failure that was replayed, wherever the record stood when it failed again,
// and the outcome of the replay: nobody else will tell it.
//
// Frameworks copy a record's headers into its letter, and so those that the replay
// gave it. They are believed where the letter stands in the dead-letter topic of
// the very group and topic that they name, and says itself that it failed in that
// group, on the topic to which that group's failures are replayed; elsewhere they
// are somebody's claim, as those of another group that reads the same source.
func (s silent) again(r *record.Record, l *letter.Letter) (redrive.Outcome, bool) {
	at := failedAt{get(r, record.HeaderErrorTopic), get(r, record.HeaderErrorGroup)}
	route, known := s[at]
	replay, failure := get(r, record.HeaderReplayID), get(r, record.HeaderFailureID)
	if !known || replay == "" || failure == "" || r.Topic != route.Letters {
		return redrive.Outcome{}, false
	}
	if spoken(r) && (l.Topic != route.To || l.Group != "" && l.Group != route.Group) {
		return redrive.Outcome{}, false
	}
	l.ID, l.Topic, l.Group = letter.Text(failure, letter.MaxName), route.Topic, route.Group
	l.Partition, l.Offset = place(get(r, record.HeaderErrorPartition), get(r, record.HeaderErrorOffset))
	if !spoken(r) {
		l.Attempts = 0 // those read are the ones before
	}
	l.Attempts, l.Carried = tried(number(get(r, record.HeaderErrorDeliveryCount)), l.Attempts), true
	if first := stamp(get(r, record.HeaderFirstFailedAt)); first != 0 {
		l.FirstFailedAt = min(first, l.FirstFailedAt)
	}
	return redrive.Outcome{Replay: replay, Failure: failure, Group: route.Group, Failed: true, Detail: l.Message}, true
}

// tried adds the tries of a replay, one at least, to those before.
func tried(before, now int32) int32 {
	return int32(min(int64(before)+int64(max(now, 1)), 1<<31-1)) //nolint:gosec // bounded
}

// spoken says that a letter has headers of its framework's own, by which it says
// where it failed.
func spoken(r *record.Record) bool { return ofSpring(r) || ofConnect(r) }
