package publish

import (
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
type producer struct {
	async sarama.AsyncProducer
	spent chan error // has the reason where the producer must be replaced
	pumps sync.WaitGroup
}

// newProducer starts a producer under a new id and the two goroutines that take
// its answers; they end when it is stopped. Sarama stands still while an answer
// is not taken, so neither waits for anybody.
func (p *Publisher) newProducer() (*producer, error) {
	async, err := sarama.NewAsyncProducerFromClient(p.client)
	if err != nil {
		return nil, fmt.Errorf("starting the producer: %w", err)
	}
	g := &producer{async: async, spent: make(chan error, 1)}
	g.pumps.Go(func() {
		for msg := range async.Successes() {
			p.settle(msg, nil)
		}
	})
	g.pumps.Go(func() {
		for failed := range async.Errors() {
			if spent(failed.Err) {
				select {
				case g.spent <- failed.Err:
				default: // It has a reason already.
				}
			}
			p.settle(failed.Msg, failed.Err)
		}
	})
	return g, nil
}

// stop awaits every outstanding ack: what closes before that loses its answer.
func (g *producer) stop() {
	g.async.AsyncClose()
	g.pumps.Wait()
}

// run is the one goroutine that hands records to the producer. So a record
// meets no closed producer, and a successor starts only after the last ack of
// its predecessor: records of one key never overtake each other.
func (p *Publisher) run(g *producer) {
	defer close(p.drained)
	for {
		select {
		case <-p.queue.filled:
			p.feed(g)
		case reason := <-g.spent:
			p.cfg.Log.Warn("kafka producer is of no more use, replacing it", "source", p.cfg.Source, "error", reason)
			g.stop()
			if g = p.successor(); g == nil {
				p.refuse()
				return
			}
			p.cfg.Log.Info("kafka producer replaced", "source", p.cfg.Source)
			p.feed(g)
		case <-p.closing:
			p.feed(g)
			g.stop()
			p.refuse()
			return
		}
	}
}

// feed hands over what is queued, until nothing is or the producer is spent;
// run then sees the latter.
func (p *Publisher) feed(g *producer) {
	for {
		if len(g.spent) > 0 {
			return
		}
		batch := p.queue.take()
		if len(batch) == 0 {
			return
		}
		for _, c := range batch {
			if c.move(queued, sent) {
				g.async.Input() <- &c.msg
			} else {
				p.limit.release(c.size) // Withdrawn.
			}
		}
	}
}

// refuse answers what is queued and will not be sent.
func (p *Publisher) refuse() {
	for _, c := range p.queue.take() {
		p.limit.release(c.size)
		c.err = unavailable(ErrClosed)
		c.answer(queued)
	}
}

// successor answers a producer under a new id as soon as the cluster answers;
// nil where the publisher closes before. Until then records wait in the queue:
// a context that ends there ends in a definite answer.
func (p *Publisher) successor() *producer {
	for {
		// Stale connections go here, before they spoil the new producer.
		err := p.client.RefreshMetadata()
		if err == nil {
			var g *producer
			if g, err = p.newProducer(); err == nil {
				return g
			}
		}
		p.cfg.Log.Debug("no new kafka producer yet", "source", p.cfg.Source, "error", err)
		select {
		case <-p.closing:
			return nil
		case <-time.After(renewPause):
		}
	}
}

// settle hands the producer's answer to whoever waits for it, if somebody does.
func (p *Publisher) settle(msg *sarama.ProducerMessage, err error) {
	c := msg.Metadata.(*call)
	switch {
	case err != nil:
		c.err = classify(err, c.value.batched)
		if errors.Is(err, sarama.ErrUnknownTopicOrPartition) || errors.Is(err, sarama.ErrInvalidPartition) {
			p.targets.forget(msg.Topic) // Made anew since: its partitions are read again.
		}
	case msg.Offset < 0:
		c.err = indefinite(errDuplicate)
	}
	p.limit.release(c.size)
	c.answer(sent)
}
