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
	// Headers follow the event's own: those of a request or a reply. They are
	// copied; nil is none. Names of headers that Publish writes itself have no
	// place here.
	Headers []record.Header
	// Patience bounds the wait for the ack beside the context, for callers who
	// know another way (package spool) and would else need a context of their
	// own for each record; no bound where 0. It ends in ErrLate, and in
	// ErrIndefinite too where the record was sent.
	Patience time.Duration
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
	targets targets
	calls   sync.Pool
	limit   limit
	keyless atomic.Uint32

	queue     queue
	begin     sync.Once
	giveUp    sync.Once
	closing   chan struct{} // closed when Close begins
	drained   chan struct{} // closed when every call is settled
	unwatched chan struct{} // closed when nobody waits any more
	lost      chan struct{} // closed when Close gives up on acks
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
		queue: newQueue(), closing: make(chan struct{}), drained: make(chan struct{}),
		unwatched: make(chan struct{}), lost: make(chan struct{}),
	}
	p.limit = limit{maxRecords: int64(p.cfg.MaxInFlightRecords), maxBytes: p.cfg.MaxInFlightBytes}
	p.calls.New = func() any { return newCall(&p.names) }
	if p.cfg.TracerProvider != nil {
		p.tracer = p.cfg.TracerProvider.Tracer("floodgate.internal/backbone/publish")
	}
	first, err := p.newProducer()
	if err != nil {
		return nil, err
	}
	go p.run(first)
	go p.watch()
	return p, nil
}

// Publish puts the event into its topic and returns after the ack of all
// in-sync replicas. It retries by itself for about 16 s; ctx ends the wait
// sooner, 10 ms late at most.
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
	nameMessage(span, e.ID)
	c := p.calls.Get().(*call)
	if err := c.encode(e); err != nil {
		err = unencodable(e, err)
		endSpan(span, nil, err)
		return Ack{}, err
	}
	p.cfg.Propagator.Inject(ctx, (*carrier)(c))
	if e.Patience > 0 {
		c.until = time.Now().Add(e.Patience)
	}
	ack, err := p.deliver(ctx, t, c)
	endSpan(span, &ack, err)
	return ack, err
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
	endSpan(span, &ack, err)
	return ack, err
}

// deliver queues the call for the producer and awaits its ack.
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
	if !p.queue.put(ctx, c) {
		p.limit.release(c.size)
		return Ack{}, unavailable(ErrClosed)
	}
	<-c.done
	return p.finish(ctx, c)
}

// finish reads the answer to a call, which is the caller's again only if the
// producer has settled it and it succeeded: sarama still looks at the retry
// count of a failed message after it has returned it, and an abandoned one is
// yet to be acknowledged. Those are left to the collector.
func (p *Publisher) finish(ctx context.Context, c *call) (Ack, error) {
	switch c.outcome() {
	case withdrawn:
		return Ack{}, unavailable(cause(ctx, c))
	case abandoned:
		return Ack{}, indefinite(cause(ctx, c))
	}
	if c.err != nil {
		return Ack{}, c.err
	}
	ack := Ack{Partition: c.msg.Partition, Offset: c.msg.Offset, AcceptedAt: c.msg.Timestamp.UTC()}
	p.recycle(c)
	return ack, nil
}

// cause says why a wait ended: its context, its patience, or else the
// publisher's close.
func cause(ctx context.Context, c *call) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case c.late:
		return ErrLate
	default:
		return ErrClosed
	}
}

// InFlight answers how many records wait for their ack, and their bytes.
func (p *Publisher) InFlight() (records, bytes int64) {
	return p.limit.records.Load(), p.limit.bytes.Load()
}

// Close takes no more records, awaits outstanding acks for CloseTimeout and
// stops the producer. After that time it answers an error, and callers that
// still wait get ErrIndefinite. Further calls answer the same.
func (p *Publisher) Close() error {
	p.begin.Do(func() {
		p.queue.close()
		close(p.closing)
	})
	timer := time.NewTimer(p.cfg.CloseTimeout)
	defer timer.Stop()
	select {
	case <-p.drained:
		<-p.unwatched
		return nil
	case <-timer.C:
		p.giveUp.Do(func() { close(p.lost) })
		return fmt.Errorf("closing the publisher: %d acks are still outstanding after %s", p.limit.records.Load(), p.cfg.CloseTimeout)
	}
}
