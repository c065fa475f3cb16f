package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

const (
	// reportMargin is how long before a report's own time its event may stand in
	// the log: a client's clock, and how long it waited for an answer.
	reportMargin = time.Hour
	// maxScan bounds the reading of a partition: 5 million records of a few
	// hundred bytes are read in some seconds.
	maxScan = 5_000_000
	// scanPatience bounds the same for records of any size.
	// Together with hearPatience it is below what a gateway waits for an answer.
	scanPatience = 5 * time.Second
	// hearPatience is how long groups may take to read what is before them now:
	// several times the interval at which they commit.
	hearPatience = 2 * time.Second
	// hearEvery is how often they are looked at meanwhile.
	hearEvery = 50 * time.Millisecond
)

// Witness implements redrive.Witness on Kafka. Safe for concurrent use.
type Witness struct {
	client  sarama.Client
	offsets *Offsets
}

// NewWitness answers a witness over a client, which should not be the publisher's.
func NewWitness(client sarama.Client, offsets *Offsets) *Witness {
	return &Witness{client: client, offsets: offsets}
}

var _ redrive.Witness = (*Witness)(nil)

// Standing answers what the log knows of an event: where its last copy stands, how
// far each group has read there, and of which group an outcome is on its way.
// Errors: redrive.ErrLogTooLong, redrive.ErrLogAway.
func (w *Witness) Standing(ctx context.Context, key []byte, failures []letter.Failure) (letter.Standing, error) {
	s, err := w.standing(ctx, key, failures)
	if err != nil && !errors.Is(err, redrive.ErrLogTooLong) && !errors.Is(err, redrive.ErrNoFailure) && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", redrive.ErrLogAway, err)
	}
	return s, err
}

func (w *Witness) standing(ctx context.Context, key []byte, failures []letter.Failure) (letter.Standing, error) {
	s := letter.Standing{Failures: failures, Last: letter.NoPlace}
	if len(failures) == 0 {
		return s, redrive.ErrNoFailure
	}
	topic, _ := topics.Lookup(failures[0].Topic)
	s.Groups, s.Rebuilt = topic.Groups, topic.Rebuilt
	// First, as it waits for leaders, which asking by time does not.
	ranges, err := broker.Offsets(ctx, w.client, topic.Name)
	if err != nil {
		return s, err
	}
	p, from, err := w.begin(topic, key, failures)
	if err != nil {
		return s, err
	}
	if s.Last, err = w.last(ctx, topic.Name, ranges, p, from, failures[0].EventID); err != nil {
		return s, err
	}
	s.Read = map[string]int64{}
	for _, group := range s.Groups {
		committed, err := w.offsets.Committed(ctx, group, topic.Name)
		if err != nil {
			return s, err
		}
		if next, is := committed[p]; is {
			s.Read[group] = next
		}
	}
	s.Unheard, err = w.unheard(ctx, topic.Name, failures)
	return s, err
}

// begin answers the partition in which the event stands, if it does, and the
// offset from which on: that of its first failure in a group, or where the log
// was an hour before a client says that it failed.
func (w *Witness) begin(topic topics.Topic, key []byte, failures []letter.Failure) (partition int32, from int64, err error) {
	earliest, first := int64(-1), failures[0].FirstFailedAt
	for i := range failures {
		f := &failures[i]
		first = min(first, f.FirstFailedAt)
		if f.Partition != letter.NoPlace && (earliest < 0 || f.Offset < earliest) {
			partition, earliest = f.Partition, f.Offset
		}
	}
	if earliest >= 0 {
		return partition, earliest, nil
	}
	ids, err := w.client.Partitions(topic.Name)
	if err != nil {
		return 0, 0, fmt.Errorf("partitions of %s: %w", topic.Name, err)
	}
	partition = topic.Partition(key, int32(len(ids))) //nolint:gosec // Kafka counts partitions in int32
	from, err = w.client.GetOffset(topic.Name, partition, time.UnixMicro(first).Add(-reportMargin).UnixMilli())
	if err != nil {
		return 0, 0, fmt.Errorf("offset of %s/%d by time: %w", topic.Name, partition, err)
	}
	return partition, from, nil // -1: everything there is older
}

// errScanned ends a reading at its bound.
var errScanned = errors.New("scanned")

// last answers the offset of the last record of an event from an offset on;
// letter.NoPlace where there is none.
func (w *Witness) last(
	ctx context.Context, topic string, ranges []broker.Range, partition int32, from int64, eventID string,
) (int64, error) {
	found := int64(letter.NoPlace)
	if from < 0 {
		return found, nil
	}
	at := slices.IndexFunc(ranges, func(r broker.Range) bool { return r.Partition == partition })
	if at < 0 {
		return found, fmt.Errorf("%s has no partition %d", topic, partition)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, scanPatience, errScanned)
	defer cancel()
	scanned := 0
	err := broker.ReadRange(ctx, w.client, topic, partition, max(from, ranges[at].First), ranges[at].Next, func(r *record.Record) error {
		if id, _ := r.Get(record.HeaderEventID); id == eventID {
			found = r.Offset
		}
		scanned++
		if scanned > maxScan {
			return errScanned
		}
		return nil
	})
	if errors.Is(err, errScanned) {
		err = fmt.Errorf("%s/%d from offset %d: %w", topic, partition, from, redrive.ErrLogTooLong)
	}
	return found, err
}

// unheard answers the groups of which a replay of one of the failures may still
// tell: they have not read their replay topic as far as it goes now, or dlq.outcome
// holds what was not settled yet; both are waited for a little. A record that was
// published twice may be applied by its second copy.
func (w *Witness) unheard(ctx context.Context, topic string, failures []letter.Failure) ([]string, error) {
	var groups []string
	replayed := false
	for i := range failures {
		f := &failures[i]
		if f.Group == "" || f.Replays == 0 {
			continue
		}
		replayed = true
		behind, err := w.behind(ctx, f.Group, topics.Replay(topic, f.Group))
		if err != nil {
			return nil, err
		}
		if behind {
			groups = append(groups, f.Group)
		}
	}
	if !replayed || len(groups) > 0 {
		return groups, nil
	}
	behind, err := w.behind(ctx, topics.GroupDLQOutcome, topics.DLQOutcome)
	if err != nil || !behind {
		return nil, err
	}
	return []string{topics.GroupDLQOutcome}, nil
}

// behind says whether a group does not come to where a topic ends now.
func (w *Witness) behind(ctx context.Context, group, topic string) (bool, error) {
	ranges, err := broker.Offsets(ctx, w.client, topic)
	if err != nil {
		return false, err
	}
	tick := time.NewTicker(hearEvery)
	defer tick.Stop()
	for begun := time.Now(); ; {
		committed, err := w.offsets.Committed(ctx, group, topic)
		if err != nil {
			return false, err
		}
		behind := slices.ContainsFunc(ranges, func(r broker.Range) bool { return r.Next > r.First && committed[r.Partition] < r.Next })
		if !behind || time.Since(begun) > hearPatience {
			return behind, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}
