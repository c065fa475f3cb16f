package publish

import (
	"bytes"
	"context"

	"floodgate.internal/backbone/record"
)

// Encode answers the record that Publish would send for the event, headers and
// ctx's trace context included, in memory of its own: what a spool keeps, so
// that it can be sent later as it would have been sent now. It asks no broker.
// Errors: ErrTooLarge, and a message that protobuf cannot encode; both are
// failure.Permanent.
func (p *Publisher) Encode(ctx context.Context, e Event) (record.Record, error) {
	c := p.calls.Get().(*call)
	defer p.recycle(c)
	if err := c.encode(e); err != nil {
		return record.Record{}, unencodable(e, err)
	}
	p.cfg.Propagator.Inject(ctx, (*carrier)(c))
	r := record.Record{Topic: e.Topic, Key: bytes.Clone(c.key.bytes), Value: bytes.Clone(c.value.bytes), Headers: make([]record.Header, len(c.headers))}
	if r.Value == nil {
		r.Value = []byte{} // An empty message; nil is a tombstone.
	}
	for i, h := range c.headers {
		r.Headers[i] = record.Header{Key: string(h.Key), Value: bytes.Clone(h.Value)}
	}
	if size, bound := r.Size(), p.bound(e.Topic); size > bound {
		return record.Record{}, tooLarge(e.Topic, size, bound)
	}
	return r, nil
}

// bound answers the largest record of a topic, in bytes.
func (p *Publisher) bound(topic string) int {
	if t := p.targets.get(topic); t != nil {
		return t.maxBytes
	}
	return MaxRecordBytes(topic)
}
