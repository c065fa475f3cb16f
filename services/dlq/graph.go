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
	group   *consume.Group
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
	p := parts{failures: failures, publisher: stream.NewPublisher(publisher)}
	s.database.Store(db)
	if s.wrap != nil {
		s.wrap(&p)
	}
	err = g.wire(s, p, ids)
	return g, err
}

// wire makes the effects and the consumer out of the parts; ids are the topics'.
func (g *graph) wire(s *Service, p parts, ids map[string]string) error {
	g.desk = redrive.NewDesk(p.failures, p.publisher)
	if !s.cfg.has(RoleIngest) {
		return nil
	}
	g.sweeper = redrive.NewSweeper(p.failures, s.cfg.Retention, s.cfg.SweepEvery, s.deps.Log)
	handler := stream.NewHandler(redrive.NewIntake(p.failures, sqldb.IsUnavailable), ids)
	var err error
	g.group, err = consume.NewGroup(consume.Config{
		Group: topics.GroupDLQIngest, Topics: append([]string{topics.DLQFailed}, s.cfg.Topics...),
		BatchRecords: s.cfg.Batch, BatchBytes: sliceBytes, BatchLinger: ingestLinger,
		CommitEvery: s.cfg.CommitEvery, ResumeOutOfRange: s.cfg.ResumeOutOfRange, TracerProvider: s.deps.Tracer,
	}, s.cfg.Kafka, handler, stream.NoDeadLetters{}, s.deps.Log)
	if err != nil {
		return err
	}
	g.sources = append(g.sources, introspect.Group(topics.GroupDLQIngest, g.group))
	return nil
}

// run serves until ctx ends or the consumer fails; ready is called once the
// group is joined.
func (g *graph) run(ctx context.Context, ready func()) error {
	work, ctx := errgroup.WithContext(ctx)
	joined := make(<-chan struct{})
	if g.group != nil {
		joined = g.group.Ready()
		work.Go(func() error { return g.group.Run(ctx) })
		work.Go(func() error {
			g.sweeper.Run(ctx)
			return nil
		})
	} else {
		ready()
	}
	work.Go(func() error {
		select {
		case <-joined:
			ready()
			<-ctx.Done()
		case <-ctx.Done():
		}
		return nil
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
