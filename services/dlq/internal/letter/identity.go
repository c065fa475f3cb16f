package letter

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// Identity answers the parts that a failure's id is derived from (a UUIDv5 over
// them): group and event id, so that a client's report knows its id before it
// is kept. Without an event id: the group, the place in the log, and a hash of
// the payload, as places are numbered anew when a topic is made again.
func Identity(f *Failure, payload []byte) []string {
	if f.EventID != "" {
		return []string{"failure", f.Group, f.EventID}
	}
	sum := sha256.Sum256(payload)
	return []string{
		"failure", f.Group, f.Topic, strconv.FormatInt(int64(f.Partition), 10), strconv.FormatInt(f.Offset, 10),
		hex.EncodeToString(sum[:]),
	}
}
