package record

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// namespace is the UUIDv5 namespace of every derived event id; changing it
// would make every retry in flight a new event.
func namespace() uuid.UUID {
	return uuid.UUID{0x2f, 0x1d, 0x9c, 0x0a, 0x5e, 0x36, 0x4b, 0x0e, 0x9d, 0x52, 0x66, 0x6c, 0x6f, 0x6f, 0x64, 0x67}
}

// EventID derives an event's id from the caller's identity of it (UUIDv5), so
// that a retry through another instance, the spool, a dead letter, a replay and
// a client's own report all carry the same id. Parts are length-prefixed: no
// two lists of parts collide by joining.
func EventID(parts ...string) uuid.UUID {
	buf := make([]byte, 0, 128)
	for _, p := range parts {
		buf = binary.AppendUvarint(buf, uint64(len(p)))
		buf = append(buf, p...)
	}
	return uuid.NewSHA1(namespace(), buf)
}

// NewEventID makes the id of an event without an identity of its caller's:
// UUIDv7, ordered by time.
func NewEventID() (uuid.UUID, error) {
	return uuid.NewV7()
}
