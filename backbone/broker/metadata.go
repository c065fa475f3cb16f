package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

const (
	// maxAttempts bounds requests that a moving leader, controller or
	// connection may spoil.
	maxAttempts = 5
	retryPause  = 200 * time.Millisecond
)

// TopicIDs answers the id of each topic, as Kafka's tools print it. Offsets
// are named by topic id and partition, never by number alone: a topic that was
// removed and made again has the same name and another id (SEMANTICS 4). An
// unknown topic is an error.
func TopicIDs(ctx context.Context, client sarama.Client, names []string) (map[string]string, error) {
	found, err := describe(ctx, client, names)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]string, len(names))
	for _, name := range names {
		topic := found[name]
		if topic == nil {
			return nil, fmt.Errorf("topic %s: %w", name, sarama.ErrUnknownTopicOrPartition)
		}
		if topic.Uuid == (sarama.Uuid{}) {
			return nil, fmt.Errorf("topic %s: the broker gives topics no id (Kafka 2.8 and newer do)", name)
		}
		ids[name] = topic.Uuid.String()
	}
	return ids, nil
}

// describe asks the cluster, not the client's cache, for these topics. Topics
// that do not exist are missing from the answer.
func describe(ctx context.Context, client sarama.Client, names []string) (map[string]*sarama.TopicMetadata, error) {
	found := make(map[string]*sarama.TopicMetadata, len(names))
	if len(names) == 0 {
		return found, nil // An empty list would mean every topic.
	}
	var meta *sarama.MetadataResponse
	err := attempt(ctx, client, func(b *sarama.Broker) (err error) {
		meta, err = b.GetMetadata(sarama.NewMetadataRequest(client.Config().Version, names))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("describing topics: %w", err)
	}
	for _, topic := range meta.Topics {
		switch topic.Err {
		// Without a leader it exists all the same; its partitions say so.
		case sarama.ErrNoError, sarama.ErrLeaderNotAvailable:
			found[topic.Name] = topic
		case sarama.ErrUnknownTopicOrPartition:
		default:
			return nil, fmt.Errorf("describing topic %s: %w", topic.Name, topic.Err)
		}
	}
	return found, nil
}

// attempt runs a request on any broker, and again on a fresh connection where
// one was lost. The request must bear being made twice.
func attempt(ctx context.Context, client sarama.Client, request func(*sarama.Broker) error) error {
	var err error
	for n := range maxAttempts {
		if n > 0 && !sleep(ctx, retryPause) {
			return errors.Join(context.Cause(ctx), err)
		}
		b := client.LeastLoadedBroker()
		if b == nil {
			err = sarama.ErrOutOfBrokers
			continue
		}
		if err = request(b); err == nil {
			return nil
		}
		_ = b.Close() // The next attempt connects anew.
	}
	return err
}
