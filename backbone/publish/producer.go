package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// renewPause is the wait between attempts to get a new producer id.
const renewPause = 500 * time.Millisecond

// errDuplicate is a batch that the broker has already, from an attempt whose
// answer was lost, and no longer knows the offsets of.
var errDuplicate = errors.New("the broker has the record already, at an offset it no longer tells")

// producer is one idempotent producer, used until its identity is spent.
//
// Handing a message over holds mu for reading; retiring takes it for writing
// and keeps it. So no message meets a closed input, and the successor starts
// only after the last ack: records of one key never overtake each other.
type producer struct {
	async    sarama.AsyncProducer
	mu       sync.RWMutex
	replaced chan struct{} // closed when the successor is in place
	spent    chan struct{} // closed when the producer must be replaced
	once     sync.Once
	pumps    sync.WaitGroup
}

func (p *Publisher) newProducer() (*producer, error) {
	async, err := sarama.NewAsyncProducerFromClient(p.client)
	if err != nil {
		return nil, fmt.Errorf("starting the producer: %w", err)
	}
	g := &producer{async: async, replaced: make(chan struct{}), spent: make(chan struct{})}
	g.pumps.Go(func() {
		for msg := range async.Successes() {
			p.settle(msg, nil)
		}
	})
	g.pumps.Go(func() {
		for failed := range async.Errors() {
			if spent(failed.Err) {
				g.once.Do(func() { close(g.spent) })
			}
			p.settle(failed.Msg, failed.Err)
		}
	})
	return g, nil
}

// send hands the call to the producer of the moment. An error says that the
// record was not handed over.
func (p *Publisher) send(ctx context.Context, c *call) error {
	for {
		g := p.current.Load()
		if !g.mu.TryRLock() {
			// Only a retired producer is locked: its successor is on its way.
			select {
			case <-g.replaced:
				continue
			case <-p.closing:
				return unavailable(ErrClosed)
			case <-ctx.Done():
				return unavailable(context.Cause(ctx))
			}
		}
		defer g.mu.RUnlock()
		select {
		case g.async.Input() <- &c.msg:
			return nil
		case <-p.lost:
			return unavailable(ErrClosed)
		case <-ctx.Done():
			return unavailable(context.Cause(ctx))
		}
	}
}

// settle hands the producer's answer to whoever waits for it, or takes the call
// back where nobody does any more.
func (p *Publisher) settle(msg *sarama.ProducerMessage, err error) {
	c := msg.Metadata.(*call)
	switch {
	case err != nil:
		c.err = classify(err, c.value.batched)
		if errors.Is(err, sarama.ErrUnknownTopicOrPartition) || errors.Is(err, sarama.ErrInvalidPartition) {
			p.targets.Delete(msg.Topic) // Made anew since: its partitions are read again.
		}
	case msg.Offset < 0:
		c.err = indefinite(errDuplicate)
	}
	p.limit.release(c.size)
	if c.state.CompareAndSwap(awaited, settled) {
		c.done <- struct{}{}
		return
	}
	if c.err == nil {
		p.recycle(c)
	}
}

// keep replaces the producer when it is spent, until the publisher closes.
func (p *Publisher) keep(g *producer) {
	defer close(p.closed)
	for g != nil {
		select {
		case <-g.spent:
			p.cfg.Log.Warn("the kafka producer lost its identity and is replaced", "source", p.cfg.Source)
		case <-p.closing:
		}
		g.mu.Lock() // For ever: see producer.
		g.async.AsyncClose()
		g.pumps.Wait()
		g = p.succeed(g)
	}
}

// succeed puts the successor in place; nil where the publisher closes instead.
func (p *Publisher) succeed(old *producer) *producer {
	for {
		select {
		case <-p.closing:
			return nil
		default:
		}
		next, err := p.newProducer()
		if err == nil {
			p.current.Store(next)
			close(old.replaced)
			return next
		}
		p.cfg.Log.Warn("no new kafka producer yet", "error", err)
		select {
		case <-p.closing:
			return nil
		case <-time.After(renewPause):
		}
	}
}
