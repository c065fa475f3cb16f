package consuming

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
)

// watermill reads with Watermill's subscriber in its own settings, from the
// oldest record on.
func (r reading) watermill(ctx context.Context, m *meter) error {
	cfg := kafka.DefaultSaramaSubscriberConfig()
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: r.Brokers, Unmarshaler: kafka.DefaultMarshaler{}, OverwriteSaramaConfig: cfg, ConsumerGroup: r.Group,
	}, nil)
	if err != nil {
		return fmt.Errorf("watermill: %w", err)
	}
	defer func() { _ = subscriber.Close() }()
	messages, err := subscriber.Subscribe(ctx, r.Topic)
	if err != nil {
		return fmt.Errorf("watermill: %w", err)
	}
	for message := range messages {
		if m.take(ctx, 1) != nil {
			return nil // the measurement is over
		}
		message.Ack()
	}
	return nil
}
