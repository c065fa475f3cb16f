package dlq

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/watch"
	"floodgate.internal/proto/topics"
)

// openDatabase opens the service's database, waiting for one that is away.
func (g *graph) openDatabase(ctx context.Context, s *Service) (*sqldb.DB, error) {
	db, err := sqldb.Open(ctx, s.cfg.DatabaseURL, sqldb.Options{Schema: serviceName, Log: s.deps.Log})
	if err != nil {
		return nil, err
	}
	g.opened.Add("database", db.Close)
	return db, nil
}

// openKafka opens a client: the publisher, the reader of offsets and the watch
// have one each, and consumers their own.
func (g *graph) openKafka(ctx context.Context, s *Service, name string) (sarama.Client, error) {
	client, err := broker.Open(ctx, s.cfg.Kafka, s.deps.Log)
	if err != nil {
		return nil, err
	}
	g.opened.Add("Kafka "+name, client.Close)
	return client, nil
}

// openWatch makes the watch, over a client of its own: what asks whether a group
// has passed a record must not wait for a look.
func (g *graph) openWatch(ctx context.Context, s *Service, publisher *publish.Publisher) error {
	client, err := g.openKafka(ctx, s, "monitor")
	if err != nil {
		return err
	}
	looks, err := watch.Open(watch.Settings(serviceName, s.cfg.Lag, s.cfg.watched(g.members)...), watch.Deps{
		Client: client, Publisher: publisher, Metrics: s.deps.Metrics, Log: s.deps.Log,
	})
	if err != nil {
		return err
	}
	g.beside = append(g.beside, looks.Run)
	g.sources = append(g.sources, introspect.Monitor(looks.Monitor()))
	return nil
}

// prepareTopics creates what is missing of the catalogue, refuses a cluster on
// which a letter would not fit (SEMANTICS 22) and topics of others that are not
// there, those of routes too, and answers the ids of all that are read. Letters of others have no
// size to check: they are kept in SQL and never written to dlq.failed.
func prepareTopics(ctx context.Context, s *Service, client sarama.Client) (map[string]string, error) {
	catalogue := topics.Catalogue()
	if err := broker.PrepareTopics(ctx, client, s.cfg.Kafka, catalogue, s.deps.Log); err != nil {
		return nil, err
	}
	if err := deadletter.CheckSize(ctx, client, topics.Names(catalogue)); err != nil {
		return nil, err
	}
	ids, err := broker.TopicIDs(ctx, client, s.cfg.letterTopics())
	if err != nil {
		err = fmt.Errorf("the dead-letter topics of the settings: %w", err)
	}
	faults := []error{err}
	for _, r := range s.routes {
		if _, err := broker.TopicIDs(ctx, client, []string{r.To}); err != nil {
			faults = append(faults, fmt.Errorf("the route of %s's failures on %s: %w", r.Group, r.Topic, err))
		}
	}
	return ids, errors.Join(faults...)
}
