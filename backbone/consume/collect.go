package consume

import (
	"time"

	"github.com/IBM/sarama"
)

// collector gathers a claim's records into batches while the batch before is
// handled. It holds one batch at most: while that is full and the handler busy,
// nothing is read, and the partition's fetching pauses by itself.
type collector struct {
	in      <-chan *sarama.ConsumerMessage
	revoked <-chan struct{}
	out     chan []*sarama.ConsumerMessage
	records int
	bytes   int
	linger  time.Duration
}

func newCollector(src source, cfg *Config) *collector {
	return &collector{
		in: src.Messages(), revoked: src.Revoked(),
		out:     make(chan []*sarama.ConsumerMessage),
		records: cfg.BatchRecords, bytes: cfg.BatchBytes, linger: cfg.BatchLinger,
	}
}

// run ends, and closes out, when the claim is revoked or its stream ends. What
// it holds then is dropped: it was not handled, so its next owner reads it.
func (c *collector) run() {
	defer close(c.out)
	var carry *sarama.ConsumerMessage
	for {
		first := carry
		if first == nil {
			select {
			case first = <-c.in:
			case <-c.revoked:
			}
		}
		if first == nil {
			return
		}
		var ok bool
		if carry, ok = c.gather(first); !ok {
			return
		}
	}
}

// gather builds one batch and hands it over. A record that would break the
// bound of bytes is carried into the next.
func (c *collector) gather(first *sarama.ConsumerMessage) (carry *sarama.ConsumerMessage, ok bool) {
	b := &gathering{batch: make([]*sarama.ConsumerMessage, 0, min(c.records, 256)), records: c.records, bytes: c.bytes}
	b.add(first)
	timer := time.NewTimer(c.linger)
	defer timer.Stop()
	var out chan<- []*sarama.ConsumerMessage // nil until the batch may go
	for {
		b.drain(c.in)
		in := c.in
		if b.full {
			in, out = nil, c.out
		}
		select {
		case out <- b.batch:
			return b.carry, true
		case m, open := <-in:
			if !open {
				return nil, false
			}
			b.add(m)
		case <-timer.C:
			out = c.out
		case <-c.revoked:
			return nil, false
		}
	}
}

type gathering struct {
	batch   []*sarama.ConsumerMessage
	carry   *sarama.ConsumerMessage
	records int
	bytes   int
	full    bool
}

// drain takes what is there without waiting: a receive from one channel costs
// a third of a select over several.
func (b *gathering) drain(in <-chan *sarama.ConsumerMessage) {
	for !b.full {
		select {
		case m := <-in:
			if m == nil { // closed: the select that follows sees it too
				return
			}
			b.add(m)
		default:
			return
		}
	}
}

func (b *gathering) add(m *sarama.ConsumerMessage) {
	size := weight(m)
	if len(b.batch) > 0 && size > b.bytes {
		b.carry, b.full = m, true
		return
	}
	b.batch = append(b.batch, m)
	b.bytes -= size
	b.full = len(b.batch) >= b.records || b.bytes <= 0
}

// weight is what a record weighs in bytes, as record.Record.Size counts.
func weight(m *sarama.ConsumerMessage) int {
	n := len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}
