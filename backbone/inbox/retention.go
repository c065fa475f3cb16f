package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
)

// CheckRetention asks the broker how long it keeps the group's topics, and
// refuses a Retention that does not cover the longest of them and LongestPause
// (SEMANTICS 3): the log could deliver an event that the inbox has forgotten.
// The error names every such topic, both numbers and the setting to change.
// What the broker has counts, not what the catalogue says.
func (i *Inbox) CheckRetention(ctx context.Context, client sarama.Client) error {
	have, err := broker.TopicSettings(ctx, client, i.cfg.Topics)
	if err != nil {
		return err
	}
	var faults []error
	for _, topic := range slices.Sorted(slices.Values(i.cfg.Topics)) {
		kept, err := retention(have[topic])
		if err != nil {
			faults = append(faults, fmt.Errorf("topic %s: %w", topic, err))
			continue
		}
		faults = append(faults, i.cfg.covers(topic, kept))
	}
	return errors.Join(faults...)
}

// covers answers nil where the inbox outlives a topic that is kept so long.
func (c Config) covers(topic string, kept time.Duration) error {
	if c.Retention == Forever {
		return nil
	}
	if kept == Forever {
		return fmt.Errorf("inbox of group %s: Retention is %s, but topic %s keeps its records for ever: "+
			"set Retention to Forever, or retention.ms of the topic", c.Group, c.Retention, topic)
	}
	if need := kept + c.LongestPause; c.Retention < need {
		return fmt.Errorf("inbox of group %s: Retention is %s, but topic %s keeps its records for %s (retention.ms) "+
			"and LongestPause is %s: raise Retention to %s or more, or lower the topic's retention.ms",
			c.Group, c.Retention, topic, kept, c.LongestPause, need)
	}
	return nil
}

// retention reads how long a topic keeps records, by its settings in force.
func retention(settings map[string]string) (time.Duration, error) {
	if policy, told := settings["cleanup.policy"]; told && !strings.Contains(policy, "delete") {
		return Forever, nil // compaction keeps the newest of each key
	}
	text, told := settings["retention.ms"]
	if !told {
		return 0, errors.New("the broker does not tell its retention.ms")
	}
	millis, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("retention.ms: %w", err)
	}
	// A century is more than a Duration should be added to.
	if millis < 0 || millis > (100*365*24*time.Hour).Milliseconds() {
		return Forever, nil
	}
	return time.Duration(millis) * time.Millisecond, nil
}
