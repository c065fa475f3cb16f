package publish

import (
	"encoding/hex"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/record"
)

// States of a call: the caller waits, or has given up. Whoever changes it from
// awaited decides who deals with the call: the ack wakes the caller, or the
// caller leaves it to the ack.
const (
	awaited int32 = iota
	settled
	abandoned
)

// maxKept is the largest buffer that is kept for reuse: votes fit many times,
// and one large record does not stay for ever.
const maxKept = 16 << 10

// call is one record on its way, with everything it needs in one allocation
// that is used again.
type call struct {
	msg     sarama.ProducerMessage
	key     payload
	value   payload
	headers []sarama.RecordHeader
	buf     []byte // what key, value and header values point into
	size    int64
	state   atomic.Int32
	done    chan struct{}
	err     error
}

// payload is sarama's Encoder over bytes that are there already. Sarama asks
// for it when it adds the record to a batch; before that the record cannot have
// been sent.
type payload struct {
	bytes   []byte
	batched bool
}

// Encode answers the bytes and notes that the record is in a batch.
func (p *payload) Encode() ([]byte, error) {
	p.batched = true
	return p.bytes, nil
}

// Length answers how many there are.
func (p *payload) Length() int { return len(p.bytes) }

func newCall() *call {
	return &call{
		done:    make(chan struct{}, 1),
		headers: make([]sarama.RecordHeader, 0, 8),
		buf:     make([]byte, 0, 1024),
	}
}

// encode writes the event into the call's buffer. Where the buffer grows, what
// points into the old one stays valid.
func (c *call) encode(p *Publisher, e Event) error {
	buf, err := proto.MarshalOptions{}.MarshalAppend(c.buf[:0], e.Message)
	if err != nil {
		return err
	}
	c.buf, c.value.bytes = buf, buf[:len(buf):len(buf)]
	c.key.bytes = c.keep(func(b []byte) []byte { return append(b, e.Key...) })
	at := e.OccurredAt
	if at.IsZero() {
		at = time.Now()
	}
	c.headers = append(c.headers[:0],
		sarama.RecordHeader{Key: p.names.eventID, Value: c.keep(func(b []byte) []byte { return appendUUID(b, e.ID) })},
		sarama.RecordHeader{Key: p.names.eventType, Value: c.keep(func(b []byte) []byte {
			return append(b, e.Message.ProtoReflect().Descriptor().FullName()...)
		})},
		sarama.RecordHeader{Key: p.names.source, Value: p.names.self},
		sarama.RecordHeader{Key: p.names.occurredAt, Value: c.keep(func(b []byte) []byte {
			return at.UTC().AppendFormat(b, time.RFC3339Nano)
		})},
	)
	return nil
}

// raw takes the record as it is.
func (c *call) raw(key, value []byte, headers []record.Header) {
	c.key.bytes, c.value.bytes = key, value
	c.headers = c.headers[:0]
	for _, h := range headers {
		c.headers = append(c.headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
}

// keep appends to the buffer and answers what was appended.
func (c *call) keep(add func([]byte) []byte) []byte {
	start := len(c.buf)
	c.buf = add(c.buf)
	return c.buf[start:len(c.buf):len(c.buf)]
}

// prepare fills in the message and answers the record's size in bytes.
func (c *call) prepare(t *target, keyless *atomic.Uint32) int {
	size := len(c.key.bytes) + len(c.value.bytes)
	for i := range c.headers {
		size += len(c.headers[i].Key) + len(c.headers[i].Value)
	}
	c.size = int64(size)
	c.err = nil
	c.key.batched, c.value.batched = false, false
	c.state.Store(awaited)
	c.msg = sarama.ProducerMessage{
		Topic: t.name, Key: &c.key, Value: &c.value, Headers: c.headers, Metadata: c,
		Partition: t.partition(c.key.bytes, keyless),
		// Stays where the broker knows a batch only as a duplicate.
		Offset: -1,
		// In milliseconds, so that the ack says what a consumer will read where
		// the broker keeps the producer's time.
		Timestamp: time.Now().Truncate(time.Millisecond),
	}
	return size
}

func (p *Publisher) recycle(c *call) {
	c.msg = sarama.ProducerMessage{}
	c.key.bytes, c.value.bytes = nil, nil
	if cap(c.buf) > maxKept || cap(c.headers) > 64 {
		return
	}
	p.calls.Put(c)
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	b = append(hex.AppendEncode(b, id[0:4]), '-')
	b = append(hex.AppendEncode(b, id[4:6]), '-')
	b = append(hex.AppendEncode(b, id[6:8]), '-')
	b = append(hex.AppendEncode(b, id[8:10]), '-')
	return hex.AppendEncode(b, id[10:16])
}
