package drain

import (
	"fmt"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/proto/topics"
)

// committed says whether a group has committed all of vote.cast.
func committed(kafka broker.Config, group string) (bool, error) {
	client, err := sarama.NewClient(kafka.Brokers, broker.SaramaConfig(kafka))
	if err != nil {
		return false, fmt.Errorf("reach Kafka: %w", err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return false, fmt.Errorf("reach Kafka: %w", err)
	}
	defer func() { _ = admin.Close() }()
	partitions, err := client.Partitions(topics.VoteCast)
	if err != nil {
		return false, fmt.Errorf("partitions of %s: %w", topics.VoteCast, err)
	}
	offsets, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topics.VoteCast: partitions})
	if err != nil {
		return false, fmt.Errorf("offsets of %s: %w", group, err)
	}
	for _, p := range partitions {
		end, err := client.GetOffset(topics.VoteCast, p, sarama.OffsetNewest)
		if err != nil {
			return false, fmt.Errorf("end of %s/%d: %w", topics.VoteCast, p, err)
		}
		if block := offsets.GetBlock(topics.VoteCast, p); end > 0 && (block == nil || block.Offset < end) {
			return false, nil
		}
	}
	return true, nil
}
