package dlq

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/redrive"
	"floodgate.internal/services/dlq/internal/store"
	"floodgate.internal/services/dlq/internal/stream"
)

const (
	// ingestLinger is how long a slice gathers letters: an operator looks a
	// moment later, and a transaction costs the same for ten as for a thousand.
	ingestLinger = 100 * time.Millisecond
	// sliceBytes bounds the memory of a slice. It is in memory about three times
	// while it is kept, and each of 24 partitions has one being kept and another
	// one gathering: a flood of records of any size stays below 200 MiB.
	sliceBytes = 2 << 20
)

// graph is everything an instance is made of, in the order it was opened.
type graph struct {
	desk    *redrive.Desk
	sweeper *redrive.Sweeper
	orders  *redrive.Orders
	runner  *redrive.Runner
	passage *redrive.Passage
	groups  []*consume.Group
	// sources tell operators what the parts are doing.
	sources []introspect.Source
	// closers are called in the opposite order.
	closers []closer
}

type closer struct {
	name  string
	close func() error
}

// parts are the opened dependencies, as the effects see them.
type parts struct {
	failures  redrive.Failures
	publisher redrive.Publisher
	replays   redrive.Replays
	kafka     redrive.Redeliverer
	log       redrive.Log
}

// open reaches every dependency. What it answers must be closed, also beside an
// error.
func (s *Service) open(ctx context.Context) (*graph, error) {
	g := &graph{}
	db, err := g.openDatabase(ctx, s)
	if err != nil {
		return g, err
	}
	client, err := g.openKafka(ctx, s)
	if err != nil {
		return g, err
	}
	failures, err := store.Open(ctx, db)
	if err != nil {
		return g, err
	}
	ids, err := prepareTopics(ctx, s, client)
	if err != nil {
		return g, err
	}
	publisher, err := publish.New(client, publish.Config{Source: serviceName, TracerProvider: s.deps.Tracer, Log: s.deps.Log})
	if err != nil {
		return g, err
	}
	g.closers = append(g.closers, closer{"publisher", publisher.Close})
	g.sources = append(g.sources, introspect.Publishing("writer", publisher))
	reader, err := g.openKafka(ctx, s)
	if err != nil {
		return g, err
	}
	cluster, err := lag.NewKafka(reader)
	if err != nil {
		return g, err
	}
	writer := stream.NewPublisher(publisher)
	p := parts{
		failures: failures, publisher: writer, replays: store.NewReplays(db), kafka: writer, log: stream.NewOffsets(cluster),
	}
	s.database.Store(db)
	if s.wrap != nil {
		s.wrap(&p)
	}
	err = g.wire(s, p, ids)
	return g, err
}

// wire makes the effects and the consumers out of the parts; ids are the topics'.
func (g *graph) wire(s *Service, p parts, ids map[string]string) error {
	g.desk = redrive.NewDesk(p.failures, p.publisher)
	g.orders = redrive.NewOrders(p.failures, p.replays, stream.Routes())
	if s.cfg.has(RoleIngest) {
		g.sweeper = redrive.NewSweeper(p.failures, s.cfg.Retention, s.cfg.SweepEvery, s.deps.Log)
		handler := stream.NewHandler(redrive.NewIntake(p.failures, sqldb.IsUnavailable), ids)
		if err := g.join(s, topics.GroupDLQIngest, append([]string{topics.DLQFailed}, s.cfg.Topics...), handler); err != nil {
			return err
		}
	}
	if s.cfg.has(RoleReplay) {
		g.runner = redrive.NewRunner(p.replays, p.failures, p.kafka, stream.Routes(), s.cfg.ReplayLease, s.deps.Log)
		g.passage = redrive.NewPassage(p.replays, p.log, stream.Routes(), s.deps.Log)
		handler := stream.NewOutcomeHandler(redrive.NewConfirmer(p.replays), s.deps.Log)
		return g.join(s, topics.GroupDLQOutcome, []string{topics.DLQOutcome}, handler)
	}
	return nil
}

// join makes a member of a group that never dead-letters.
func (g *graph) join(s *Service, name string, read []string, h consume.BatchHandler) error {
	group, err := consume.NewGroup(consume.Config{
		Group: name, Topics: read, BatchRecords: s.cfg.Batch, BatchBytes: sliceBytes, BatchLinger: ingestLinger,
		CommitEvery: s.cfg.CommitEvery, ResumeOutOfRange: s.cfg.ResumeOutOfRange, TracerProvider: s.deps.Tracer,
	}, s.cfg.Kafka, h, stream.NoDeadLetters{}, s.deps.Log)
	if err != nil {
		return err
	}
	g.groups = append(g.groups, group)
	g.sources = append(g.sources, introspect.Group(name, group))
	return nil
}

// run serves until ctx ends or a consumer fails; ready is called once all groups
// are joined.
func (g *graph) run(ctx context.Context, ready func()) error {
	work, ctx := errgroup.WithContext(ctx)
	beside := func(run func(context.Context)) {
		work.Go(func() error {
			run(ctx)
			return nil
		})
	}
	for _, group := range g.groups {
		work.Go(func() error { return group.Run(ctx) })
	}
	if g.sweeper != nil {
		beside(g.sweeper.Run)
	}
	if g.runner != nil {
		beside(g.runner.Run)
		beside(g.passage.Run)
	}
	beside(func(ctx context.Context) {
		for _, group := range g.groups {
			select {
			case <-group.Ready():
			case <-ctx.Done():
				return
			}
		}
		ready()
		<-ctx.Done()
	})
	if err := work.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// close closes in the opposite order of opening; faults are logged, as nothing
// is left to be done about them.
func (g *graph) close(log *slog.Logger) {
	for _, c := range slices.Backward(g.closers) {
		if err := c.close(); err != nil {
			log.Warn("closing", slog.String("part", c.name), slog.Any("error", err))
		}
	}
}
