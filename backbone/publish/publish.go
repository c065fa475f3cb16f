// Package publish puts records into Kafka and returns when they are durable:
// acks from all in-sync replicas, idempotent, one request in flight. Thousands
// of callers share the batches of one producer, each awaiting its own ack.
package publish

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/record"
)

// Event is something that happened, to be published once.
type Event struct {
	// Topic is the Kafka topic; its catalogue entry places the key.
	Topic string
	// Key is the ordering key.
	Key []byte
	// ID is the event's id, derived from the caller's identity of it: a retry
	// carries the same one (SEMANTICS 1).
	ID uuid.UUID
	// Message is the record's value.
	Message proto.Message
	// OccurredAt is when it happened at its source; now where zero.
	OccurredAt time.Time
}

// Ack says where the record is.
type Ack struct {
	Partition int32
	Offset    int64
	// AcceptedAt is the record's time in the log, in milliseconds, as every
	// consumer sees it (SEMANTICS 11).
	AcceptedAt time.Time
	// Spooled is true where a durable spool took the record and the log does
	// not have it yet; partition and offset are then unknown. A Publisher alone
	// never spools.
	Spooled bool
}

// Publisher publishes through one idempotent producer. Safe for concurrent use
// by any number of callers.
type Publisher struct {
	cfg     Config
	client  sarama.Client
	names   headerNames
	tracer  trace.Tracer // nil where nothing is traced
	targets sync.Map     // topic name to *target
	calls   sync.Pool
	limit   limit
	keyless atomic.Uint32

	current atomic.Pointer[producer]
	closing chan struct{} // closed when Close begins
	closed  chan struct{} // closed when the last ack has been handed on
	lost    chan struct{} // closed when Close gives up on acks
	begin   sync.Once
	giveUp  sync.Once
}

// New starts a publisher on a client that SaramaConfig configured. The client
// should be the publisher's own: a consumer's long poll on the same connection
// would hold up every batch. The caller closes the publisher first, then the
// client.
func New(client sarama.Client, cfg Config) (*Publisher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p := &Publisher{
		cfg: cfg.withDefaults(), client: client, names: newHeaderNames(cfg.Source),
		closing: make(chan struct{}), closed: make(chan struct{}), lost: make(chan struct{}),
	}
	p.limit = limit{maxRecords: int64(p.cfg.MaxInFlightRecords), maxBytes: p.cfg.MaxInFlightBytes}
	p.calls.New = func() any { return newCall() }
	if p.cfg.TracerProvider != nil {
		p.tracer = p.cfg.TracerProvider.Tracer("floodgate.internal/backbone/publish")
	}
	first, err := p.newProducer()
	if err != nil {
		return nil, err
	}
	p.current.Store(first)
	go p.keep(first)
	return p, nil
}

// Publish puts the event into its topic and returns after the ack of all
// in-sync replicas. It retries by itself for about 16 s; ctx ends the wait
// sooner.
//
// Errors: ErrTooLarge is final, and so is a message that protobuf cannot
// encode (both are failure.Permanent). ErrIndefinite says that the record may be in
// the log all the same, so a retry must carry the same id. All others say that
// it is not, and wrap ErrUnavailable; among them ErrOverloaded and ErrClosed.
func (p *Publisher) Publish(ctx context.Context, e Event) (Ack, error) {
	t, err := p.target(e.Topic)
	if err != nil {
		return Ack{}, err
	}
	ctx, span := p.startSpan(ctx, t)
	c := p.calls.Get().(*call)
	if err := c.encode(p, e); err != nil {
		return Ack{}, endSpan(span, nil, unencodable(e, err))
	}
	p.cfg.Propagator.Inject(ctx, carrier{call: c, names: &p.names})
	ack, err := p.deliver(ctx, t, c)
	return ack, endSpan(span, &ack, err)
}

// PublishRecord puts a raw record into a topic: a dead letter, a replay. Its
// headers go as they are, nothing is added. A nil key has no order and goes to
// the partitions in turn; a nil value is a tombstone. Key, value and headers
// must not be changed afterwards, not even after an error. Errors are those of
// Publish.
func (p *Publisher) PublishRecord(ctx context.Context, topic string, key, value []byte, headers []record.Header) (Ack, error) {
	t, err := p.target(topic)
	if err != nil {
		return Ack{}, err
	}
	ctx, span := p.startSpan(ctx, t)
	c := p.calls.Get().(*call)
	c.raw(key, value, headers)
	ack, err := p.deliver(ctx, t, c)
	return ack, endSpan(span, &ack, err)
}

// deliver hands the call to the producer and awaits its ack.
func (p *Publisher) deliver(ctx context.Context, t *target, c *call) (Ack, error) {
	// A select between an ended context and a free producer takes either.
	if ctx.Err() != nil {
		return Ack{}, unavailable(context.Cause(ctx))
	}
	size := c.prepare(t, &p.keyless)
	if size > t.maxBytes {
		return Ack{}, tooLarge(t.name, size, t.maxBytes)
	}
	if !p.limit.acquire(c.size) {
		return Ack{}, overloaded(p.cfg)
	}
	if err := p.send(ctx, c); err != nil {
		p.limit.release(c.size)
		return Ack{}, err
	}
	return p.await(ctx, c)
}

// await returns the call's ack, or gives the call up: whoever is second, the
// caller or the ack, finds the other's mark, so that a call is never reused
// while the producer still holds it.
func (p *Publisher) await(ctx context.Context, c *call) (Ack, error) {
	select {
	case <-c.done:
		return p.finish(c)
	case <-ctx.Done():
		if !c.state.CompareAndSwap(awaited, abandoned) {
			<-c.done
			return p.finish(c)
		}
		return Ack{}, indefinite(context.Cause(ctx))
	case <-p.lost:
		if !c.state.CompareAndSwap(awaited, abandoned) {
			<-c.done
			return p.finish(c)
		}
		return Ack{}, indefinite(ErrClosed)
	}
}

// finish reads the settled call. One that failed is left to the collector:
// sarama still looks at a message's retry count after it has returned it.
func (p *Publisher) finish(c *call) (Ack, error) {
	if c.err != nil {
		return Ack{}, c.err
	}
	ack := Ack{
		Partition: c.msg.Partition, Offset: c.msg.Offset,
		AcceptedAt: c.msg.Timestamp.Truncate(time.Millisecond).UTC(),
	}
	p.recycle(c)
	return ack, nil
}

// Close takes no more records, awaits outstanding acks for CloseTimeout and
// stops the producer. Callers that still wait after that get ErrIndefinite, and
// Close an error. Further calls answer the same.
func (p *Publisher) Close() error {
	p.begin.Do(func() { close(p.closing) })
	timer := time.NewTimer(p.cfg.CloseTimeout)
	defer timer.Stop()
	select {
	case <-p.closed:
		return nil
	case <-timer.C:
		p.giveUp.Do(func() { close(p.lost) })
		return fmt.Errorf("closing the publisher: %d acks are still outstanding after %s", p.limit.records.Load(), p.cfg.CloseTimeout)
	}
}
