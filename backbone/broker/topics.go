package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/proto/topics"
)

// EnsureTopics creates the topics that are missing and returns once every
// partition has a leader. Another instance may do the same at the same time.
//
// Topics that exist are never changed. A keyed topic with another partition
// count than the catalogue's is refused: its keys would be read from partitions
// they were not written to (SEMANTICS 4). All such topics are named at once.
// ConfigDrift tells what else differs.
func EnsureTopics(ctx context.Context, client sarama.Client, cfg Config, catalogue []topics.Topic) error {
	cfg = cfg.withDefaults()
	names := topics.Names(catalogue)
	found, err := describe(ctx, client, names)
	if err != nil {
		return err
	}
	missing := make(map[string]*sarama.TopicDetail)
	for _, t := range catalogue {
		if found[t.Name] == nil {
			missing[t.Name] = detail(t, cfg)
		}
	}
	// Refused before anything is created: a wrong scale would otherwise leave
	// half a catalogue behind.
	if err := checkPartitions(catalogue, found, cfg); err != nil {
		return err
	}
	if err := create(ctx, client, missing); err != nil {
		return err
	}
	found, err = awaitLeaders(ctx, client, names)
	if err != nil {
		return err
	}
	// A concurrent creator may have had other counts.
	if err := checkPartitions(catalogue, found, cfg); err != nil {
		return err
	}
	if err := client.RefreshMetadata(names...); err != nil {
		return fmt.Errorf("reading the topics' leaders: %w", err)
	}
	return nil
}

// partitions is the count that the catalogue has for the scale.
func partitions(t topics.Topic, scale Scale) int32 {
	if scale == ScaleProd {
		return t.PartitionsProd
	}
	return t.PartitionsDev
}

// checkPartitions names every keyed topic whose count is another than the
// catalogue's; topics that are missing are none of its business.
func checkPartitions(catalogue []topics.Topic, found map[string]*sarama.TopicMetadata, cfg Config) error {
	var faults []error
	for _, t := range catalogue {
		have := found[t.Name]
		want := partitions(t, cfg.Scale)
		if have == nil || t.Key == "" || int32(len(have.Partitions)) == want {
			continue
		}
		faults = append(faults, fmt.Errorf("topic %s has %d partitions, its catalogue entry at scale %s has %d: "+
			"records are placed by key, so the count cannot change; start with the scale the topic was made for, "+
			"or drain and delete it so that it is created anew", t.Name, len(have.Partitions), cfg.Scale, want))
	}
	return errors.Join(faults...)
}

// settings are the topic's settings that the catalogue decides, by Kafka's
// names; all others are the cluster's.
func settings(t topics.Topic) map[string]string {
	s := map[string]string{
		"retention.ms":      strconv.FormatInt(t.Retention.Milliseconds(), 10),
		"segment.bytes":     strconv.FormatInt(t.SegmentBytes, 10),
		"max.message.bytes": strconv.Itoa(max(int(t.MaxMessageBytes), MaxBatchBytes)),
	}
	if t.LogAppendTime {
		s["message.timestamp.type"] = "LogAppendTime"
	}
	return s
}

// detail is the topic as a request to create it names it.
func detail(t topics.Topic, cfg Config) *sarama.TopicDetail {
	entries := make(map[string]*string)
	for name, value := range settings(t) {
		entries[name] = &value
	}
	return &sarama.TopicDetail{
		NumPartitions: partitions(t, cfg.Scale), ReplicationFactor: cfg.ReplicationFactor, ConfigEntries: entries,
	}
}

// create asks the controller for all topics in one request. An answer that was
// lost is asked for again: a topic that exists by then is as good as created.
func create(ctx context.Context, client sarama.Client, missing map[string]*sarama.TopicDetail) error {
	var err error
	for n := 0; len(missing) > 0 && n < maxAttempts; n++ {
		if n > 0 && !sleep(ctx, retryPause) {
			return errors.Join(context.Cause(ctx), err)
		}
		// Not the cached one: an election may be why the last attempt failed.
		var controller *sarama.Broker
		if controller, err = client.RefreshController(); err != nil {
			continue
		}
		request := sarama.NewCreateTopicsRequest(client.Config().Version, missing, client.Config().Admin.Timeout, false)
		var response *sarama.CreateTopicsResponse
		if response, err = controller.CreateTopics(request); err != nil {
			_ = controller.Close() // The next attempt connects anew.
			continue
		}
		var final bool
		if final, err = settled(response, missing); final {
			return err
		}
	}
	return err
}

// settled takes what was created off missing; it answers whether asking again
// is of no use.
func settled(response *sarama.CreateTopicsResponse, missing map[string]*sarama.TopicDetail) (bool, error) {
	var faults []error
	final := true
	for name, answer := range response.TopicErrors {
		switch answer.Err {
		case sarama.ErrNoError, sarama.ErrTopicAlreadyExists:
			delete(missing, name)
		// The request may have been carried out; asking again shows it.
		case sarama.ErrNotController, sarama.ErrRequestTimedOut:
			final = false
			fallthrough
		default:
			faults = append(faults, fmt.Errorf("creating topic %s: %w%s", name, answer.Err, hint(answer)))
		}
	}
	return final, errors.Join(faults...)
}

// hint adds the broker's own words and, where the cause is known, the remedy.
func hint(answer *sarama.TopicError) string {
	text := ""
	if answer.ErrMsg != nil {
		text = " (" + *answer.ErrMsg + ")"
	}
	if answer.Err == sarama.ErrInvalidReplicationFactor {
		text += ": set the replication factor to at most the number of brokers"
	}
	return text
}

// awaitLeaders asks until all topics are known with a leader on every
// partition: a new topic takes the cluster a moment.
func awaitLeaders(ctx context.Context, client sarama.Client, names []string) (map[string]*sarama.TopicMetadata, error) {
	for {
		found, err := describe(ctx, client, names)
		if err != nil {
			return nil, err
		}
		if len(found) == len(names) && allLed(found) {
			return found, nil
		}
		if !sleep(ctx, 50*time.Millisecond) {
			return nil, fmt.Errorf("waiting for the topics' leaders: %w", context.Cause(ctx))
		}
	}
}

// allLed answers whether every partition can be written and read.
func allLed(found map[string]*sarama.TopicMetadata) bool {
	for _, topic := range found {
		for _, p := range topic.Partitions {
			if p.Leader < 0 {
				return false
			}
		}
	}
	return true
}
