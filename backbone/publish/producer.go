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
	spent chan struct{} // closed when the producer must be replaced
	once  sync.Once
	pumps sync.WaitGroup
}

func (p *Publisher) newProducer() (*producer, error) {
	async, err := sarama.NewAsyncProducerFromClient(p.client)
	if err != nil {
		return nil, fmt.Errorf("starting the producer: %w", err)
	}
	g := &producer{async: async, spent: make(chan struct{})}
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
		case <-g.spent:
			p.cfg.Log.Warn("the kafka producer lost its identity and is replaced", "source", p.cfg.Source)
			g.stop()
			if g = p.successor(); g == nil {
				p.refuse()
				return
			}
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
		select {
		case <-g.spent:
			return
		default:
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

// successor answers a producer under a new id; nil where the publisher closes
// before there is one.
func (p *Publisher) successor() *producer {
	for {
		g, err := p.newProducer()
		if err == nil {
			return g
		}
		p.cfg.Log.Warn("no new kafka producer yet", "source", p.cfg.Source, "error", err)
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
			p.targets.Delete(msg.Topic) // Made anew since: its partitions are read again.
		}
	case msg.Offset < 0:
		c.err = indefinite(errDuplicate)
	}
	p.limit.release(c.size)
	c.answer(sent)
}
