package deadletter

import (
	"fmt"
	"strconv"
	"time"

	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// Position is a record's place and time in the log that first carried it.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
	// Timestamp is the record's time there, in milliseconds in practice.
	Timestamp time.Time
}

// String is the place in one word: topic/partition@offset.
func (p Position) String() string {
	return fmt.Sprintf("%s/%d@%d", p.Topic, p.Partition, p.Offset)
}

// Origin answers where a replayed record first stood, from its headers: rules
// that decide by position or time decide a replay as they would have decided
// the original (SEMANTICS 9). False for a record that is not on the replay
// topic of the very group and topic its headers name: elsewhere such headers
// are somebody's claim, and the record counts where it stands.
func Origin(r *record.Record) (Position, bool) {
	topic, _ := r.Get(record.HeaderErrorTopic)
	group, ok := r.Get(record.HeaderErrorGroup)
	if !ok || r.Topic != topics.Replay(topic, group) {
		return Position{}, false
	}
	partition, errPartition := strconv.ParseInt(header(r, record.HeaderErrorPartition), 10, 32)
	offset, errOffset := strconv.ParseInt(header(r, record.HeaderErrorOffset), 10, 64)
	at, errTime := time.Parse(time.RFC3339Nano, header(r, record.HeaderErrorTimestamp))
	if errPartition != nil || errOffset != nil || errTime != nil || partition < 0 || offset < 0 {
		return Position{}, false
	}
	return Position{Topic: topic, Partition: int32(partition), Offset: offset, Timestamp: at}, true
}

// originOf is the position that a letter names: the kept one of a replay of
// this group, else where the record stands.
func originOf(l Letter) (at Position, replayed bool) {
	group, _ := l.Record.Get(record.HeaderErrorGroup)
	if at, ok := Origin(l.Record); ok && group == l.Group {
		return at, true
	}
	r := l.Record
	return Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp}, false
}

func header(r *record.Record, name string) string {
	v, _ := r.Get(name)
	return v
}
