package consuming

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"
)

// raw reads with a sarama group in sarama's own settings, from the oldest record
// on, one record after the other; offsets are committed each second.
func (r reading) raw(ctx context.Context, m *meter) error {
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_8_0_0
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	group, err := sarama.NewConsumerGroup(r.Brokers, r.Group, cfg)
	if err != nil {
		return fmt.Errorf("join %s: %w", r.Group, err)
	}
	defer func() { _ = group.Close() }()
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{r.Topic}, rawClaims{m}); err != nil {
			return err
		}
	}
	return nil
}

// rawClaims implements sarama.ConsumerGroupHandler.
type rawClaims struct{ m *meter }

// Setup has nothing to do.
func (rawClaims) Setup(sarama.ConsumerGroupSession) error { return nil }

// Cleanup has nothing to do.
func (rawClaims) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim takes the records of a partition.
func (c rawClaims) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for m := range claim.Messages() {
		if c.m.take(session.Context(), 1) != nil {
			return nil //nolint:nilerr // the session is over, which is how it ends
		}
		session.MarkMessage(m, "")
	}
	return nil
}
