package dlq

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/proto/topics"
)

// openDatabase opens the service's database, waiting for one that is away.
func (g *graph) openDatabase(ctx context.Context, s *Service) (*sqldb.DB, error) {
	db, err := sqldb.Open(ctx, s.cfg.DatabaseURL, sqldb.Options{Schema: serviceName, Log: s.deps.Log})
	if err != nil {
		return nil, err
	}
	g.closers = append(g.closers, closer{"database", db.Close})
	return db, nil
}

// openKafka opens a client: the publisher and the reader of offsets have one each,
// and consumers their own.
func (g *graph) openKafka(ctx context.Context, s *Service) (sarama.Client, error) {
	client, err := broker.Open(ctx, s.cfg.Kafka, s.deps.Log)
	if err != nil {
		return nil, err
	}
	g.closers = append(g.closers, closer{"Kafka", client.Close})
	return client, nil
}

// prepareTopics creates what is missing of the catalogue, refuses topics of
// others that are not there, and answers the ids of all that are read.
func prepareTopics(ctx context.Context, s *Service, client sarama.Client) (map[string]string, error) {
	catalogue := topics.Catalogue()
	if err := broker.EnsureTopics(ctx, client, s.cfg.Kafka, catalogue); err != nil {
		return nil, err
	}
	drift, err := broker.ConfigDrift(ctx, client, catalogue)
	if err != nil {
		return nil, err
	}
	for _, line := range drift {
		s.deps.Log.WarnContext(ctx, "a topic differs from the catalogue", slog.String("difference", line))
	}
	read := append([]string{topics.DLQFailed}, s.cfg.Topics...)
	ids, err := broker.TopicIDs(ctx, client, read)
	if err != nil {
		return nil, fmt.Errorf("the dead-letter topics of the settings: %w", err)
	}
	return ids, nil
}
