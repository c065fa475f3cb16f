package stream

import (
	"context"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/casting"
)

// Failures answers the dead letters of a poll, one for each group and event, with
// what became of them. Where there are any, dlq.outcome is read whole: it is
// about all topics, and holds as much as was replayed.
func (l *Log) Failures(ctx context.Context, poll string) ([]casting.Failure, error) {
	all := fates{}
	err := l.each(ctx, topics.DLQFailed, func(r *record.Record) {
		if of, ok := failureOf(r, poll); ok {
			all[of] = fate{}
		}
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if err := l.each(ctx, topics.DLQOutcome, all.hear); err != nil {
		return nil, err
	}
	out := make([]casting.Failure, 0, len(all))
	for of, became := range all {
		out = append(out, casting.Failure{Group: of.group, Applied: became.applied, Discarded: became.discarded})
	}
	return out, nil
}

// each reads what a topic holds now.
func (l *Log) each(ctx context.Context, topic string, take func(*record.Record)) error {
	ranges, err := broker.Offsets(ctx, l.client, topic)
	if err != nil {
		return err
	}
	for _, rg := range ranges {
		if rg.First == rg.Next {
			continue
		}
		err := broker.ReadRange(ctx, l.client, topic, rg.Partition, rg.First, rg.Next, func(r *record.Record) error {
			take(r)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// failed names an event that failed in a group: by its id, else by its place
// (SEMANTICS 19).
type failed struct {
	group, event      string
	partition, offset string
}

// failedAt names a failure; the place counts where there is no event id.
func failedAt(group, event, partition, offset string) failed {
	if event != "" {
		return failed{group: group, event: event}
	}
	return failed{group: group, partition: partition, offset: offset}
}

// fate is what became of a failure.
type fate struct {
	applied, discarded bool
	decided            time.Time
}

// fates are the failures of a poll.
type fates map[failed]fate

// hear takes in a record of dlq.outcome. What a group applied once it has; of an
// operator's decisions the latest stands.
func (f fates) hear(r *record.Record) {
	var m dlqv1.ReplayOutcome
	if proto.Unmarshal(r.Value, &m) != nil || m.GetTopic() != topics.VoteCast {
		return
	}
	of := failedAt(m.GetGroup(), m.GetEventId(), strconv.Itoa(int(m.GetPartition())), strconv.FormatInt(m.GetOffset(), 10))
	became, ours := f[of]
	if !ours {
		return
	}
	switch m.GetResult() {
	case dlqv1.ReplayOutcome_APPLIED, dlqv1.ReplayOutcome_ALREADY_APPLIED:
		became.applied = true
	case dlqv1.ReplayOutcome_DISCARDED, dlqv1.ReplayOutcome_RESTORED:
		if at := m.GetDecidedAt().AsTime(); !at.Before(became.decided) {
			became.discarded, became.decided = m.GetResult() == dlqv1.ReplayOutcome_DISCARDED, at
		}
	default: // failed again: it is as it was
	}
	f[of] = became
}

// failureOf reads a dead letter of a group's record of vote.cast whose key is one
// of the poll's: the service's name, the poll, the shard.
func failureOf(r *record.Record, poll string) (failed, bool) {
	get := func(name string) string {
		v, _ := r.Get(name)
		return v
	}
	if get(record.HeaderErrorTopic) != topics.VoteCast || get(record.HeaderErrorGroup) == "" {
		return failed{}, false // another topic's, or a client's report
	}
	_, key, _ := strings.Cut(string(r.Key), "/")
	if of, _, _ := strings.Cut(key, "/"); of != poll {
		return failed{}, false
	}
	return failedAt(get(record.HeaderErrorGroup), get(record.HeaderEventID), get(record.HeaderErrorPartition), get(record.HeaderErrorOffset)), true
}
