package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// electionPatience is how long a partition may be without a leader: a broker
// that was killed is noticed after 9 s (Kafka's broker.session.timeout.ms).
const electionPatience = 15 * time.Second

// Range is what a partition's log holds: offsets from First up to, but not
// with, Next. Both are equal where it is empty.
type Range struct {
	Partition   int32
	First, Next int64
}

// Offsets answers the range of every partition of a topic, by partition: the
// log's start and its high watermark, as the leaders know them now. Two
// requests per leader, whatever the number of partitions.
func Offsets(ctx context.Context, client sarama.Client, topic string) ([]Range, error) {
	begun := time.Now()
	for n := 1; ; n++ {
		ranges, err := offsets(client, topic)
		if err == nil {
			return ranges, nil
		}
		if n >= maxAttempts && (!leaderless(err) || time.Since(begun) > electionPatience) {
			return nil, fmt.Errorf("reading offsets of %s: %w", topic, err)
		}
		if !sleep(ctx, retryPause) {
			return nil, errors.Join(context.Cause(ctx), err)
		}
		// Leaders may have moved; what cannot be refreshed shows above.
		_ = client.RefreshMetadata(topic)
	}
}

// leaderless answers whether a partition has no leader yet, or another one than
// its broker knows: during an election, and in the first moments of a topic,
// which on a busy broker last seconds.
func leaderless(err error) bool {
	return errors.Is(err, sarama.ErrNotLeaderForPartition) || errors.Is(err, sarama.ErrLeaderNotAvailable)
}

// offsets makes one attempt by the leaders that the client knows.
func offsets(client sarama.Client, topic string) ([]Range, error) {
	ids, err := client.Partitions(topic)
	if err != nil {
		return nil, err
	}
	ranges := make([]Range, len(ids))
	led := make(map[*sarama.Broker][]*Range)
	for i, id := range ids {
		leader, err := client.Leader(topic, id)
		if err != nil {
			return nil, fmt.Errorf("partition %d: %w", id, err)
		}
		ranges[i].Partition = id
		led[leader] = append(led[leader], &ranges[i])
	}
	// First before Next: whatever is written or taken between the two requests,
	// First does not exceed Next.
	for leader, own := range led {
		err := list(client, leader, topic, sarama.OffsetOldest, own, func(r *Range, offset int64) { r.First = offset })
		if err != nil {
			return nil, err
		}
		err = list(client, leader, topic, sarama.OffsetNewest, own, func(r *Range, offset int64) { r.Next = offset })
		if err != nil {
			return nil, err
		}
	}
	return ranges, nil
}

// list asks one leader for one end of all its partitions.
func list(client sarama.Client, leader *sarama.Broker, topic string, end int64, own []*Range, set func(*Range, int64)) error {
	request := sarama.NewOffsetRequest(client.Config().Version)
	for _, r := range own {
		request.AddBlock(topic, r.Partition, end, 1)
	}
	response, err := leader.GetAvailableOffsets(request)
	if err != nil {
		_ = leader.Close() // The next attempt connects anew.
		return err
	}
	for _, r := range own {
		block := response.GetBlock(topic, r.Partition)
		if block == nil {
			return fmt.Errorf("partition %d: %w", r.Partition, sarama.ErrIncompleteResponse)
		}
		if block.Err != sarama.ErrNoError {
			return fmt.Errorf("partition %d: %w", r.Partition, block.Err)
		}
		set(r, block.Offset)
	}
	return nil
}
