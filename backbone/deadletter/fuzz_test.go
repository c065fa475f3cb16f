package deadletter_test

import (
	"testing"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// Headers are anybody's: an origin is whole, or there is none.
func FuzzOrigin(f *testing.F) {
	f.Add(topics.VoteCast, "vote-tally", "5", "42", "2026-01-02T03:04:05.006Z")
	f.Add("", "", "-1", "x", "")
	f.Fuzz(func(t *testing.T, topic, group, partition, offset, at string) {
		r := &record.Record{Topic: topics.Replay(topic, group)}
		for name, value := range map[string]string{
			record.HeaderErrorTopic: topic, record.HeaderErrorGroup: group, record.HeaderErrorPartition: partition,
			record.HeaderErrorOffset: offset, record.HeaderErrorTimestamp: at,
		} {
			r.Headers = record.Set(r.Headers, name, value)
		}
		p, ok := deadletter.Origin(r)
		if ok && (p.Topic != topic || p.Partition < 0 || p.Offset < 0) || !ok && p != (deadletter.Position{}) {
			t.Errorf("origin %+v %v", p, ok)
		}
	})
}
