package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/redrive"
)

// shelf is a topic by hand: its records by partition, each of which begins at 10
// and ends at 20, and what dlq-ingest has committed.
type shelf struct {
	records   map[int32][]*record.Record
	committed map[int32]int64
	fault     error
}

func (s *shelf) Ends(context.Context, string) ([]broker.Range, error) {
	return []broker.Range{{Partition: 0, First: 10, Next: 20}, {Partition: 1, First: 10, Next: 20}, {Partition: 2, First: 0, Next: 0}}, nil
}

func (s *shelf) Committed(_ context.Context, group string, partitions map[string][]int32) (map[string]map[int32]int64, error) {
	if group != topics.GroupDLQIngest {
		return nil, fmt.Errorf("asked for %s", group)
	}
	out := map[string]map[int32]int64{}
	for topic := range partitions {
		out[topic] = s.committed
	}
	return out, nil
}

func (s *shelf) trail() *Offsets {
	return &Offsets{cluster: s, read: func(_ context.Context, _ string, partition int32, from, to int64, fn func(*record.Record) error) error {
		if from < 10 || to > 20 || s.fault != nil {
			return errors.Join(errors.New("read beyond the log"), s.fault)
		}
		for _, r := range s.records[partition] {
			if r.Offset >= from && r.Offset < to {
				if err := fn(r); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// Letters are kept once the group has committed beyond them; what a transaction's
// marker adds behind the last is no letter.
func TestKept(t *testing.T) {
	t.Parallel()
	letter := map[int32][]*record.Record{1: {{Offset: 18}}}
	for name, tc := range map[string]struct {
		committed, ends map[int32]int64
		want            bool
	}{
		"read to the end":           {map[int32]int64{0: 20, 1: 20}, map[int32]int64{0: 20, 1: 20}, true},
		"read beyond it":            {map[int32]int64{0: 20, 1: 20}, map[int32]int64{0: 15, 1: 16}, true},
		"one is not read":           {map[int32]int64{0: 20, 1: 18}, map[int32]int64{0: 20, 1: 20}, false},
		"a marker is behind it":     {map[int32]int64{0: 20, 1: 19}, map[int32]int64{0: 20, 1: 20}, true},
		"none of a partition's was": {map[int32]int64{0: 20}, map[int32]int64{0: 20, 1: 20}, false},
		"there is none":             {nil, nil, true},
	} {
		s := shelf{records: letter, committed: tc.committed}
		if got, err := s.trail().Kept(t.Context(), "again.DLT", tc.ends); err != nil || got != tc.want {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
	away := shelf{committed: map[int32]int64{1: 18}, fault: errors.New("away")}
	if got, err := away.trail().Kept(t.Context(), "again.DLT", map[int32]int64{1: 20}); err == nil || got {
		t.Errorf("while Kafka is away: %t, %v", got, err)
	}
}

// A record stands where it was published if that very replay of that failure does:
// not one in its place, not one that retention has taken.
func TestStanding(t *testing.T) {
	t.Parallel()
	replayed := func(offset int64, replay, failure string) *record.Record {
		return &record.Record{Offset: offset, Headers: []record.Header{header(record.HeaderReplayID, replay), header(record.HeaderFailureID, failure)}}
	}
	s := shelf{records: map[int32][]*record.Record{
		0: {replayed(10, "r1", "f1"), replayed(12, "r2", "f2"), replayed(13, "r1", "f9"), {Offset: 14}, replayed(19, "r1", "f5")},
		1: {replayed(10, "r1", "f6")},
	}}
	at := func(failure string, partition int32, offset int64) redrive.Unconfirmed {
		return redrive.Unconfirmed{Replay: "r1", Failure: failure, Partition: partition, Offset: offset}
	}
	asked := []redrive.Unconfirmed{
		at("f1", 0, 10), at("f2", 0, 12), at("f3", 0, 13), at("f4", 0, 14), at("f5", 0, 19), at("f6", 1, 10), at("f7", 1, 3), at("f8", 2, 0), at("f9", 7, 0),
	}
	got, err := s.trail().Standing(t.Context(), "again", asked)
	if want := []redrive.Unconfirmed{asked[0], asked[4], asked[5]}; err != nil || !slices.Equal(got, want) {
		t.Errorf("standing %+v, %v", got, err)
	}
	s.fault = broker.ErrOffsetGone
	if got, err := s.trail().Standing(t.Context(), "again", asked); err != nil || len(got) != 0 {
		t.Errorf("while retention goes on: %+v, %v", got, err)
	}
}
