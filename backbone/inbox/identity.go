package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/google/uuid"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/record"
)

// ID is the identity that a record is deduplicated by (SEMANTICS 1, 19):
//
//	fg-event-id, a UUID      that
//	fg-event-id, other text  derived from the text: some other producer's id
//	none                     derived from the record's place and its value
//
// Without an id a record cannot be told from another that says the same, so it
// counts once for each place in the log; it is no fault of the record's, and
// nothing is refused. A replay counts at its origin's place. The value belongs to
// it since a topic that was removed and made again has the same places.
func ID(r *record.Record) uuid.UUID {
	text, _ := r.Get(record.HeaderEventID)
	if id, err := uuid.Parse(text); err == nil {
		return id
	}
	if text != "" {
		return record.EventID("event id", text)
	}
	topic, partition, offset := r.Topic, r.Partition, r.Offset
	if at, replayed := deadletter.Origin(r); replayed {
		topic, partition, offset = at.Topic, at.Partition, at.Offset
	}
	sum := sha256.Sum256(r.Value)
	return record.EventID("coordinates", topic, strconv.Itoa(int(partition)), strconv.FormatInt(offset, 10), hex.EncodeToString(sum[:]))
}
