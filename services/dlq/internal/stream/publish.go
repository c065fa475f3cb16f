package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// publisher is what a Publisher needs of publish.Publisher.
type publisher interface {
	PublishRecord(ctx context.Context, topic string, key, value []byte, headers []record.Header) (publish.Ack, error)
	Publish(ctx context.Context, e publish.Event) (publish.Ack, error)
}

// Publisher implements redrive.Publisher on Kafka. Safe for concurrent use.
type Publisher struct {
	kafka publisher
	// catalogue has the names of Floodgate's own topics.
	catalogue map[string]bool
}

// NewPublisher answers a publisher over the backbone's.
func NewPublisher(kafka publisher) *Publisher {
	p := &Publisher{kafka: kafka, catalogue: map[string]bool{}}
	for _, t := range topics.Catalogue() {
		p.catalogue[t.Name] = true
	}
	return p
}

// PublishReport returns once the report is durable, with its failure's id: the
// one that ingest will derive. Errors: redrive.ErrUnavailable.
func (p *Publisher) PublishReport(ctx context.Context, r redrive.Report) (string, error) {
	headers := deadletter.ReportHeaders(deadletter.Report{
		Service: r.Service, Topic: r.Topic, EventID: r.EventID, EventType: r.EventType,
		Class: r.Class, Message: r.Message, OccurredAt: time.UnixMicro(r.OccurredAt),
	})
	// The trace in which it was reported: that of the failure is the client's.
	propagation.TraceContext{}.Inject(ctx, record.Carrier{Headers: &headers})
	id := ID(&letter.Failure{EventID: r.EventID}, r.Event)
	_, err := p.kafka.PublishRecord(ctx, topics.DLQFailed, deadletter.Key(r.Service, r.Key), r.Event, headers)
	if errors.Is(err, publish.ErrUnavailable) {
		return "", fmt.Errorf("%w: %w", redrive.ErrUnavailable, err)
	}
	return id, err
}
