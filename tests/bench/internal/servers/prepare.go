package servers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", to drop the schema
	"github.com/redis/go-redis/v9"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/proto/topics"
)

// dropSchemas removes the services' tables.
const dropSchemas = "DROP SCHEMA IF EXISTS vote, dlq CASCADE"

// errInUse keeps a benchmark from a server that somebody uses.
var errInUse = errors.New("the benchmarks empty the servers they run on: name servers of their own, or say -empty")

// Prepare empties real servers of what Floodgate keeps: topics, groups, views
// and tables. Without the permission it refuses where there is any. Embedded
// parts need no preparing.
func (s Servers) Prepare(ctx context.Context, permitted bool) error {
	if !permitted {
		used, err := s.used(ctx)
		if err != nil {
			return err
		}
		if used != "" {
			return fmt.Errorf("%s: %w", used, errInUse)
		}
	}
	if err := s.dropTopics(ctx); err != nil {
		return err
	}
	return s.ForgetCounts(ctx)
}

// used names what somebody else may need, or nothing.
func (s Servers) used(ctx context.Context) (string, error) {
	if len(s.Kafka) > 0 {
		admin, err := s.admin()
		if err != nil {
			return "", err
		}
		defer func() { _ = admin.Close() }()
		found, err := admin.ListTopics()
		if err != nil {
			return "", fmt.Errorf("list the topics: %w", err)
		}
		if _, there := found[topics.VoteCast]; there {
			return "Kafka has a topic " + topics.VoteCast, nil
		}
	}
	if s.DatabaseURL == "" {
		return "", nil
	}
	db, err := sql.Open("pgx", s.DatabaseURL)
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	var schema string
	err = db.QueryRowContext(ctx, "SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ('vote', 'dlq')").Scan(&schema)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("list the schemas: %w", err)
	}
	return "PostgreSQL has a schema " + schema, nil
}

// ForgetCounts removes what consumers have made of the log, which stays: their
// offsets, the live view, the tables.
func (s Servers) ForgetCounts(ctx context.Context) error {
	if len(s.Kafka) > 0 {
		if err := s.dropGroups(); err != nil {
			return err
		}
	}
	if len(s.Redis) > 0 {
		client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: s.Redis})
		defer func() { _ = client.Close() }()
		if err := client.FlushAll(ctx).Err(); err != nil {
			return fmt.Errorf("empty Redis: %w", err)
		}
	}
	if s.DatabaseURL == "" {
		return nil
	}
	db, err := sql.Open("pgx", s.DatabaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, dropSchemas); err != nil {
		return fmt.Errorf("drop the schemas: %w", err)
	}
	return nil
}

func (s Servers) admin() (sarama.ClusterAdmin, error) {
	admin, err := sarama.NewClusterAdmin(s.Kafka, broker.SaramaConfig(broker.Config{Brokers: s.Kafka}))
	if err != nil {
		return nil, fmt.Errorf("reach Kafka: %w", err)
	}
	return admin, nil
}

func (s Servers) dropGroups() error {
	admin, err := s.admin()
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close() }()
	for _, topic := range topics.Catalogue() {
		for _, group := range topic.Groups { // again where it reads several: then it is gone
			if err := admin.DeleteConsumerGroup(group); err != nil && !errors.Is(err, sarama.ErrGroupIDNotFound) {
				return fmt.Errorf("delete the group %s: %w", group, err)
			}
		}
	}
	return nil
}

// dropTopics deletes the catalogue's topics and waits until the brokers have
// forgotten them: they may be made again only then.
func (s Servers) dropTopics(ctx context.Context) error {
	if len(s.Kafka) == 0 {
		return nil
	}
	admin, err := s.admin()
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close() }()
	for _, topic := range topics.Catalogue() {
		if err := admin.DeleteTopic(topic.Name); err != nil && !errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
			return fmt.Errorf("delete the topic %s: %w", topic.Name, err)
		}
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := admin.ListTopics()
		if err != nil {
			return fmt.Errorf("list the topics: %w", err)
		}
		left := false
		for _, topic := range topics.Catalogue() {
			_, there := found[topic.Name]
			left = left || there
		}
		if !left {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
