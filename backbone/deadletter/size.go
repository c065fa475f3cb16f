package deadletter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/proto/topics"
)

// headerBytes is what a letter may weigh over its record (SEMANTICS 22).
const headerBytes = 64 << 10

// CheckSize refuses a cluster on which a record of these topics could not be
// dead-lettered: its letter is never shortened, so its offset would be held for
// ever. By the settings in force, topics.DLQFailed must take the largest record
// that is published to each of them, and 64 KiB; and none of them may take
// larger batches than the producer makes. The error names every topic that is at
// fault, the numbers and the setting to change.
func CheckSize(ctx context.Context, client sarama.Client, sources []string) error {
	have, err := broker.TopicSettings(ctx, client, append(slices.Clone(sources), topics.DLQFailed))
	if err != nil {
		return err
	}
	room, err := largestBatch(topics.DLQFailed, have)
	if err != nil {
		return err
	}
	var faults []error
	for _, source := range sources {
		taken, err := largestBatch(source, have)
		if err == nil {
			err = fits(source, taken, room)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// largestBatch reads what a topic takes in one batch, and so in one record.
func largestBatch(topic string, have map[string]map[string]string) (int, error) {
	n, err := strconv.Atoi(have[topic]["max.message.bytes"])
	if err != nil {
		return 0, fmt.Errorf("max.message.bytes of topic %s: %w", topic, err)
	}
	return n, nil
}

// fits compares a source that takes so many bytes with the room for its letters.
func fits(source string, taken, room int) error {
	need := publish.MaxRecordBytes(source) + headerBytes
	switch {
	case source == topics.DLQFailed:
		return nil // whoever reads it dead-letters nothing
	case room < need:
		return fmt.Errorf("topic %s takes %d bytes (max.message.bytes), but a record of %s may have %d and its dead letter %d more: "+
			"raise max.message.bytes of %[1]s to %[6]d or more", topics.DLQFailed, room, source, need-headerBytes, headerBytes, max(need, broker.MaxBatchBytes))
	case taken > broker.MaxBatchBytes:
		return fmt.Errorf("topic %s takes %d bytes (max.message.bytes), and a dead letter %d at most: "+
			"lower max.message.bytes of %[1]s to that", source, taken, broker.MaxBatchBytes)
	default:
		return nil
	}
}
