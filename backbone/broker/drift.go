package broker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/IBM/sarama"

	"floodgate.internal/proto/topics"
)

// PrepareTopics is EnsureTopics for a service's start: it creates what is
// missing, and warns of what differs from the catalogue, a line per difference.
func PrepareTopics(ctx context.Context, client sarama.Client, cfg Config, catalogue []topics.Topic, log *slog.Logger) error {
	if err := EnsureTopics(ctx, client, cfg, catalogue); err != nil {
		return err
	}
	lines, err := ConfigDrift(ctx, client, catalogue)
	if err != nil {
		return err
	}
	for _, line := range lines {
		log.WarnContext(ctx, "a topic differs from the catalogue", slog.String("difference", line))
	}
	return nil
}

// ConfigDrift tells, a line per difference, where settings of existing topics
// differ from the catalogue's: retention, segment size, largest batch and who
// stamps records. It changes nothing; whoever starts logs it as a warning.
func ConfigDrift(ctx context.Context, client sarama.Client, catalogue []topics.Topic) ([]string, error) {
	names := topics.Names(catalogue)
	have, err := TopicSettings(ctx, client, names)
	if err != nil {
		return nil, err
	}
	return drift(catalogue, have), nil
}

// TopicSettings answers the settings in force of each topic, by Kafka's names:
// the topic's own, and the broker's defaults where it has none. Embedded brokers
// tell fewer. An unknown topic is an error.
func TopicSettings(ctx context.Context, client sarama.Client, names []string) (map[string]map[string]string, error) {
	// Version 2 tells the values in force, defaults of the broker included.
	request := &sarama.DescribeConfigsRequest{Version: 2}
	for _, name := range names {
		request.Resources = append(request.Resources, &sarama.ConfigResource{Type: sarama.TopicResource, Name: name})
	}
	var response *sarama.DescribeConfigsResponse
	err := attempt(ctx, client, func(b *sarama.Broker) (err error) {
		response, err = b.DescribeConfigs(request)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading topic settings: %w", err)
	}
	have := make(map[string]map[string]string)
	for _, r := range response.Resources {
		if r.ErrorCode != 0 {
			return nil, fmt.Errorf("reading settings of topic %s: %w", r.Name, sarama.KError(r.ErrorCode))
		}
		have[r.Name] = make(map[string]string)
		for _, entry := range r.Configs {
			have[r.Name][entry.Name] = entry.Value
		}
	}
	return have, nil
}

// drift compares what the catalogue decides with what the broker tells.
func drift(catalogue []topics.Topic, have map[string]map[string]string) []string {
	var lines []string
	for _, t := range catalogue {
		for name, want := range settings(t) {
			// A setting the broker does not tell is one it does not know.
			if got, told := have[t.Name][name]; told && got != want {
				lines = append(lines, fmt.Sprintf("topic %s: %s is %s, the catalogue says %s", t.Name, name, got, want))
			}
		}
	}
	slices.Sort(lines)
	return lines
}
