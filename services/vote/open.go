package vote

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/redis/go-redis/v9"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/watch"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
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

// openKafka opens a client; readers and writers have one each, as a long poll
// would hold up a batch on the same connection.
func (g *graph) openKafka(ctx context.Context, s *Service, name string) (sarama.Client, error) {
	client, err := broker.Open(ctx, s.cfg.Kafka, s.deps.Log)
	if err != nil {
		return nil, err
	}
	g.opened.Add("Kafka "+name, client.Close)
	return client, nil
}

// openSpool opens what votes are published through. Every role relays what is in
// it: votes that an instance has taken are sent on if no other of its kind is
// left. The relay has a client of its own, behind whose batches no vote waits.
func (g *graph) openSpool(ctx context.Context, s *Service, db *sqldb.DB, direct *publish.Publisher) (*spool.Spool, error) {
	relay, err := g.openKafka(ctx, s, "relay")
	if err != nil {
		return nil, err
	}
	cfg := s.cfg.Spool
	cfg.Tracer, cfg.Metrics, cfg.Log = s.deps.Tracer, s.deps.Metrics, s.deps.Log
	votes, err := spool.Open(ctx, cfg, db, direct, publish.NewWriter(relay))
	if err != nil {
		return nil, err
	}
	g.opened.Add("spool", votes.Close)
	g.sources = append(g.sources, introspect.Spooling("spool", votes))
	return votes, nil
}

// openWatch makes the watch, over a client of its own: neither rebuilds nor
// counts may wait for a look.
func (g *graph) openWatch(ctx context.Context, s *Service, publisher *publish.Publisher) error {
	client, err := g.openKafka(ctx, s, "monitor")
	if err != nil {
		return err
	}
	g.watch, err = watch.Open(watch.Settings(serviceName, s.cfg.Lag, watched(g.members)...), watch.Deps{
		Client: client, Publisher: publisher, Metrics: s.deps.Metrics, Log: s.deps.Log,
	})
	if err != nil {
		return err
	}
	g.sources = append(g.sources, introspect.Monitor(g.watch.Monitor()))
	return nil
}

// openView opens the live view: Redis where it is named, else memory. The ledger
// has none, and does not depend on its server.
func (g *graph) openView(s *Service) (casting.View, error) {
	if len(s.cfg.RedisAddrs) == 0 || !s.cfg.has(RoleAPI) && !s.cfg.has(RoleTally) {
		return store.NewMemoryView(s.cfg.ViewTTL), nil
	}
	password, err := readSecret(s.cfg.RedisPasswordFile)
	if err != nil {
		return nil, err
	}
	// The library logs each failed dial for the process; whoever asked says it.
	redis.SetLogger(redisLog{s.deps.Log})
	// Without retries of its own: who asks knows what may be asked again, and a
	// Redis that hangs must not be waited for several times over.
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: s.cfg.RedisAddrs, Password: password, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		DialTimeout: time.Second, ReadTimeout: 3 * time.Second, WriteTimeout: 3 * time.Second,
	})
	g.opened.Add("Redis", client.Close)
	return store.NewRedisView(client, s.cfg.ViewTTL), nil
}

// prepareTopics creates what is missing and refuses a log that is not the one
// this database belongs to (SEMANTICS 4), or whose records could not be
// dead-lettered (SEMANTICS 22).
func prepareTopics(ctx context.Context, s *Service, client sarama.Client, known *store.Topics) error {
	catalogue := topics.Catalogue()
	if err := broker.PrepareTopics(ctx, client, s.cfg.Kafka, catalogue, s.deps.Log); err != nil {
		return err
	}
	if err := deadletter.CheckSize(ctx, client, topics.Names(catalogue)); err != nil {
		return err
	}
	ids, err := broker.TopicIDs(ctx, client, []string{topics.VoteCast})
	if err != nil {
		return err
	}
	partitions, err := client.Partitions(topics.VoteCast)
	if err != nil {
		return fmt.Errorf("partitions of %s: %w", topics.VoteCast, err)
	}
	if err := known.CheckTopic(ctx, topics.VoteCast, ids[topics.VoteCast], int32(len(partitions))); err != nil { //nolint:gosec // Kafka counts partitions in int32
		return err
	}
	ranges, err := broker.Offsets(ctx, client, topics.VoteCast)
	if err != nil {
		return err
	}
	return known.CheckLog(ctx, func(partition int32) (int64, bool) {
		for _, r := range ranges {
			if r.Partition == partition {
				return r.Next, true
			}
		}
		return 0, false
	})
}

// readSecret reads a secret from its file; "" where none is named.
func readSecret(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// redisLog takes what the Redis client says about its connections.
type redisLog struct{ log *slog.Logger }

// Printf logs for who debugs: every failure is also an error of the call that
// met it.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "Redis client", slog.String("said", fmt.Sprintf(format, args...)))
}
