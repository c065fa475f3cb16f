package requestreply

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
)

// errUnread ends the reading of a partition that sarama has given up.
var errUnread = errors.New("the partition can be read no further")

// read assigns itself every partition; no group, so nobody else can be given
// them and there is nothing to commit. Sarama finds moved leaders and lost
// connections by itself and goes on at the next offset.
func (k *kafka) read(ctx context.Context, topic string, from []broker.Range, deliver func(*record.Record)) error {
	if err := k.reader.RefreshMetadata(topic); err != nil {
		return fmt.Errorf("reading the leaders of %s: %w", topic, err)
	}
	consumer, err := sarama.NewConsumerFromClient(k.reader)
	if err != nil {
		return err
	}
	defer func() { _ = consumer.Close() }() // Answers nil: the client stays open.
	work, ctx := errgroup.WithContext(ctx)
	for _, held := range from {
		partition, err := consumer.ConsumePartition(topic, held.Partition, held.Next)
		if err != nil {
			work.Go(func() error {
				return fmt.Errorf("reading %s/%d at offset %d: %w", topic, held.Partition, held.Next, err)
			})
			break
		}
		work.Go(func() error { return k.pump(ctx, partition, deliver) })
	}
	return work.Wait()
}

// pump delivers one partition until ctx ends or sarama gives up on it: its
// offset is gone, so the topic is not the one that was made.
func (k *kafka) pump(ctx context.Context, partition sarama.PartitionConsumer, deliver func(*record.Record)) error {
	defer func() { _ = partition.Close() }() // Drains what is buffered; nobody waits for it.
	last := errUnread
	for {
		select {
		case m, open := <-partition.Messages():
			if !open {
				return last
			}
			deliver(broker.Record(m))
		case err, open := <-partition.Errors():
			if !open {
				return last
			}
			last = fmt.Errorf("%w: %w", errUnread, err)
			k.log.DebugContext(ctx, "reading replies", "error", err)
		case <-ctx.Done():
			return nil
		}
	}
}
