package store

import (
	"encoding/binary"
	"errors"

	"floodgate.internal/services/dlq/internal/letter"
)

// errCorrupt says that stored headers cannot be read back.
var errCorrupt = errors.New("the stored headers are corrupt")

// codecVersion is the first byte; a new layout takes the next number and keeps
// reading the old ones.
const codecVersion = 1

// encodeHeaders writes headers whole, in their order: a version, then each key
// and value with its length before it. A nil value is told from an empty one, as
// Kafka does.
func encodeHeaders(headers []letter.Header) []byte {
	b := []byte{codecVersion}
	for _, h := range headers {
		b = binary.AppendUvarint(b, uint64(len(h.Key)))
		b = append(b, h.Key...)
		if h.Value == nil {
			b = binary.AppendUvarint(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(h.Value))+1)
		b = append(b, h.Value...)
	}
	return b
}

// decodeHeaders reads what encodeHeaders wrote. Errors: errCorrupt.
func decodeHeaders(b []byte) ([]letter.Header, error) {
	if len(b) == 0 || b[0] != codecVersion {
		return nil, errCorrupt
	}
	var headers []letter.Header
	for b = b[1:]; len(b) > 0; {
		key, rest, ok := cutField(b, 0)
		if !ok {
			return nil, errCorrupt
		}
		h := letter.Header{Key: string(key)}
		if h.Value, b, ok = cutField(rest, 1); !ok {
			return nil, errCorrupt
		}
		headers = append(headers, h)
	}
	return headers, nil
}

// cutField reads a length, which is offset more than the field's, and the field;
// nil where the length is below the offset.
func cutField(b []byte, offset uint64) (field, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return nil, nil, false
	}
	b = b[size:]
	if n < offset {
		return nil, b, true
	}
	if n -= offset; n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}
