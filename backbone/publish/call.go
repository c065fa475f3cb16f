package publish

import (
	"encoding/hex"
	"slices"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/record"
)

// States of a call. Each step is one compare-and-swap, by the goroutine that
// feeds the producer, by the ack, or by the watch over the callers' contexts:
//
//	queued ──► sent ──► settled     the ack wakes the caller
//	   │         └────► abandoned   the watch does; the ack comes later
//	   └──────────────► withdrawn   the watch does; nothing was sent
//
// Calls are used again, so a step names the use it belongs to: the watch may
// come late and must not touch a later use of the same call.
const (
	queued uint64 = iota + 1
	sent
	settled
	abandoned
	withdrawn

	stateBits = 3
	stateMask = 1<<stateBits - 1
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
	names   *headerNames
	foreign bool // headers are the caller's
	size    int64
	use     uint64        // counts uses; changes only while nobody else has the call
	state   atomic.Uint64 // use and state in one
	until   time.Time     // the end of the caller's patience; none where zero
	late    bool          // the patience ended; the caller's to read once done says so
	done    chan struct{} // has an element where the caller is to look
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

func newCall(names *headerNames) *call {
	c := &call{
		names:   names,
		done:    make(chan struct{}, 1),
		headers: make([]sarama.RecordHeader, 0, 8),
		buf:     make([]byte, 0, 1024),
	}
	c.msg.Key, c.msg.Value, c.msg.Metadata = &c.key, &c.value, c
	return c
}

// encode writes the event into the call's buffer. Where the buffer grows, what
// points into the old one stays valid.
func (c *call) encode(e Event) error {
	c.foreign = false
	buf, err := proto.MarshalOptions{}.MarshalAppend(c.buf[:0], e.Message)
	if err != nil {
		return err
	}
	c.buf, c.value.bytes = buf, slices.Clip(buf)
	if e.Key != nil {
		c.key.bytes = c.keep(func(b []byte) []byte { return append(b, e.Key...) })
	}
	at := e.OccurredAt
	if at.IsZero() {
		at = time.Now()
	}
	c.headers = append(c.headers[:0],
		sarama.RecordHeader{Key: c.names.eventID, Value: c.keep(func(b []byte) []byte { return appendUUID(b, e.ID) })},
		sarama.RecordHeader{Key: c.names.eventType, Value: c.keep(func(b []byte) []byte {
			return append(b, e.Message.ProtoReflect().Descriptor().FullName()...)
		})},
		sarama.RecordHeader{Key: c.names.source, Value: c.names.self},
		sarama.RecordHeader{Key: c.names.occurredAt, Value: c.keep(func(b []byte) []byte {
			return at.UTC().AppendFormat(b, time.RFC3339Nano)
		})},
	)
	for i := range e.Headers {
		h := &e.Headers[i]
		c.headers = append(c.headers, sarama.RecordHeader{
			Key:   c.keep(func(b []byte) []byte { return append(b, h.Key...) }),
			Value: c.keep(func(b []byte) []byte { return append(b, h.Value...) }),
		})
	}
	return nil
}

// raw takes the record as it is.
func (c *call) raw(key, value []byte, headers []record.Header) {
	c.key.bytes, c.value.bytes = key, value
	c.headers, c.foreign = c.headers[:0], true
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
	c.err, c.late = nil, false
	c.key.batched, c.value.batched = false, false
	c.use++
	c.state.Store(c.use<<stateBits | queued)
	c.msg.Topic, c.msg.Headers = t.name, c.headers
	c.msg.Partition = t.partition(c.key.bytes, keyless)
	// Stays where the broker knows a batch only as a duplicate.
	c.msg.Offset = -1
	// In milliseconds, as the broker's answer is: so the ack says what a consumer
	// will read where the broker keeps the producer's time.
	c.msg.Timestamp = time.UnixMilli(time.Now().UnixMilli())
	return size
}

// move takes a step of the present use; it answers false where somebody else
// was first.
func (c *call) move(from, to uint64) bool {
	return c.state.CompareAndSwap(c.use<<stateBits|from, c.use<<stateBits|to)
}

// answer settles the call and wakes its caller.
func (c *call) answer(from uint64) {
	if c.move(from, settled) {
		c.done <- struct{}{}
	}
}

func (c *call) outcome() uint64 { return c.state.Load() & stateMask }

// pending answers whether the caller of that use still waits.
func (c *call) pending(use uint64) bool {
	state := c.state.Load()
	return state == use<<stateBits|queued || state == use<<stateBits|sent
}

// abandon ends the wait of that use without an answer. Losing against the
// feeder's step means to try the next one; losing against the ack, to be late.
func (c *call) abandon(use uint64, late bool) {
	use <<= stateBits
	if c.state.CompareAndSwap(use|queued, use|withdrawn) || c.state.CompareAndSwap(use|sent, use|abandoned) {
		c.late = late
		c.done <- struct{}{}
	}
}

// recycle takes back a call that nobody holds any more. What it points into is
// let go where it is the caller's.
func (p *Publisher) recycle(c *call) {
	c.key.bytes, c.value.bytes, c.until = nil, nil, time.Time{}
	if c.foreign {
		clear(c.headers)
	}
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
