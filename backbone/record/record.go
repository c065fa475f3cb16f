// Package record is the Kafka record as Floodgate's services see it: raw key
// and value, headers in order, the position in the log and the time that every
// consumer sees alike.
package record

import "time"

// Header is one header of a record. Kafka allows a key to repeat; Floodgate
// writes each of its own once.
type Header struct {
	Key   string
	Value []byte
}

// Record is one record. Handlers share it and must not change it.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       []byte
	Value     []byte
	Headers   []Header
	// Timestamp is the record's time in the log, in milliseconds: the broker's
	// where the topic says LogAppendTime.
	Timestamp time.Time
}

// Get answers the first header of that name, and whether there is one.
func (r *Record) Get(name string) (string, bool) {
	return Get(r.Headers, name)
}

// Size is what the record weighs in memory, in bytes: key, value and headers.
func (r *Record) Size() int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}
