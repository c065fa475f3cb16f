package dlq

import (
	"context"
	"time"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/watch"
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
	desk   *redrive.Desk
	orders *redrive.Orders
	// editor is nil where edits are off.
	editor *redrive.Editor
	groups []*consume.Group
	// members are the same by the group's name.
	members map[string]*consume.Group
	// beside is what works beside the groups.
	beside []func(context.Context) error
	// sources tell operators what the parts are doing.
	sources []introspect.Source
	// opened is closed in the opposite order.
	opened lifecycle.Closers
}

// parts are the opened dependencies, as the effects see them.
type parts struct {
	failures  redrive.Failures
	publisher redrive.Publisher
	replays   redrive.Replays
	kafka     redrive.Redeliverer
	log       redrive.Trail
	witness   redrive.Witness
	composer  redrive.Composer
	kinds     redrive.Classification
}

// open reaches every dependency. What it answers must be closed, also beside an
// error.
func (s *Service) open(ctx context.Context) (*graph, error) {
	g := &graph{members: make(map[string]*consume.Group)}
	db, err := g.openDatabase(ctx, s)
	if err != nil {
		return g, err
	}
	client, err := g.openKafka(ctx, s, "writer")
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
	g.opened.Add("publisher", publisher.Close)
	g.sources = append(g.sources, introspect.Publishing("writer", publisher))
	reader, err := g.openKafka(ctx, s, "reader")
	if err != nil {
		return g, err
	}
	cluster, err := lag.NewKafka(reader)
	if err != nil {
		return g, err
	}
	writer, offsets := stream.NewPublisher(publisher), stream.NewOffsets(cluster, reader)
	p := parts{
		failures: failures, publisher: writer, replays: store.NewReplays(db), kafka: writer, log: offsets,
		witness: stream.NewWitness(reader, offsets), composer: stream.NewComposer(publisher),
		kinds: stream.Classification(),
	}
	s.reached.Ask(lifecycle.Answers("the database", db.Ping))
	if err := g.measure(s, &p); err != nil {
		return g, err
	}
	if s.wrap != nil {
		s.wrap(&p)
	}
	if err := g.wire(s, p, ids); err != nil {
		return g, err
	}
	err = g.openWatch(ctx, s, publisher)
	return g, err
}

// wire makes the effects and the consumers out of the parts; ids are the topics'.
func (g *graph) wire(s *Service, p parts, ids map[string]string) error {
	routes := stream.Routes(s.routes)
	g.desk = redrive.NewDesk(p.failures, p.publisher, p.replays, p.composer)
	g.orders = redrive.NewOrders(p.failures, p.replays, routes)
	if s.cfg.Edit {
		g.editor = redrive.NewEditor(p.failures, p.replays, p.composer, p.witness)
	}
	if s.cfg.has(RoleIngest) {
		g.also(redrive.NewSweeper(p.failures, redrive.Keeping{Closed: s.cfg.Retention, Trail: s.cfg.AuditRetention}, s.cfg.SweepEvery, s.deps.Log).Run)
		g.also(redrive.NewReclassifier(p.failures, p.kinds, s.cfg.ReplayLease, s.deps.Log).Run)
		handler := stream.NewHandler(redrive.NewIntake(p.failures, sqldb.IsUnavailable), redrive.NewConfirmer(p.replays), routes, ids)
		if err := g.join(s, topics.GroupDLQIngest, s.cfg.letterTopics(), handler); err != nil {
			return err
		}
	}
	if s.cfg.has(RoleReplay) {
		g.also(redrive.NewRunner(p.replays, p.kafka, routes, s.cfg.ReplayLease, s.deps.Log).Run)
		g.also(redrive.NewPassage(p.replays, p.log, routes, s.deps.Log).Run)
		g.also(redrive.NewInference(p.replays, p.log, routes, s.deps.Log).Run)
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
	g.groups, g.members[name] = append(g.groups, group), group
	g.sources = append(g.sources, introspect.Group(name, group))
	return nil
}

// measure puts the meters between the effects and their stores.
func (g *graph) measure(s *Service, p *parts) error {
	m := newMeters()
	if s.cfg.has(RoleIngest) {
		m.lookout = redrive.NewLookout(p.failures, p.kinds.Version, s.deps.Log)
		g.also(m.lookout.Run)
	}
	p.failures, p.replays = meteredFailures{p.failures, m}, meteredReplays{p.replays, m}
	remove, err := m.show(s.deps.Metrics)
	if err != nil {
		return err
	}
	g.opened.Add("metrics", remove)
	return nil
}

// watched are the service's groups, this process's members among them.
func (c Config) watched(members map[string]*consume.Group) []watch.Group {
	return []watch.Group{
		{Name: topics.GroupDLQIngest, Topics: c.letterTopics(), Member: members[topics.GroupDLQIngest]},
		{Name: topics.GroupDLQOutcome, Topics: []string{topics.DLQOutcome}, Member: members[topics.GroupDLQOutcome]},
	}
}

// run serves until ctx ends or a consumer fails; ready is called once all groups
// are joined.
func (g *graph) run(ctx context.Context, ready func()) error {
	return consume.RunAll(ctx, g.groups, ready, g.beside...)
}

// also has something run beside the groups.
func (g *graph) also(run func(context.Context)) {
	g.beside = append(g.beside, func(ctx context.Context) error {
		run(ctx)
		return nil
	})
}
