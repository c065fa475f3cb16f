package vote

import (
	"context"
	"time"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/replay"
	"floodgate.internal/backbone/watch"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
	"floodgate.internal/services/vote/internal/stream"
)

// Lifetimes of cached polls. The edge's is the delay that ClosePoll grants; the
// consumers' is shorter by the skew allowed between their clock and the
// broker's (SEMANTICS 9).
const (
	edgePollAge     = casting.CloseDelay
	consumerPollAge = casting.CloseDelay / 2
)

// How long a slice gathers records. A live count is to be live. A receipt may
// come a moment later, and a transaction costs the same for ten records as for
// a thousand.
const (
	tallyLinger  = 5 * time.Millisecond
	ledgerLinger = 200 * time.Millisecond
)

// graph is everything an instance is made of, in the order it was opened.
type graph struct {
	desk      *casting.Desk
	counter   *casting.Counter
	recounter *casting.Recounter
	groups    []*consume.Group
	// sources tell operators what the parts are doing.
	sources []introspect.Source
	// members are the same by the group's name.
	members map[string]*consume.Group
	watch   *watch.Watch
	// opened is closed in the opposite order.
	opened lifecycle.Closers
}

// open reaches every dependency. What it answers must be closed, also beside an
// error.
func (s *Service) open(ctx context.Context) (*graph, error) {
	g := &graph{members: make(map[string]*consume.Group)}
	db, err := g.openDatabase(ctx, s)
	if err != nil {
		return g, err
	}
	reader, err := g.openKafka(ctx, s, "reader")
	if err != nil {
		return g, err
	}
	tables, err := store.Open(ctx, db)
	if err != nil {
		return g, err
	}
	if err := prepareTopics(ctx, s, reader, tables.Topics); err != nil {
		return g, err
	}
	log, err := stream.NewLog(reader)
	if err != nil {
		return g, err
	}
	view, err := g.openView(s)
	if err != nil {
		return g, err
	}
	writer, err := g.openKafka(ctx, s, "writer")
	if err != nil {
		return g, err
	}
	publisher, err := publish.New(writer, publish.Config{Source: serviceName, TracerProvider: s.deps.Tracer, Log: s.deps.Log})
	if err != nil {
		return g, err
	}
	g.opened.Add("publisher", publisher.Close)
	g.sources = append(g.sources, introspect.Publishing("writer", publisher))
	votes, err := g.openSpool(ctx, s, db, publisher)
	if err != nil {
		return g, err
	}
	p := parts{
		polls: tables.Polls, floors: tables.Floors, ledger: tables.Ledger, log: log, view: view,
		votes: stream.NewPublisher(votes), dead: deadletter.New(serviceName, publisher), outcomes: replay.New(publisher),
	}
	s.reached.Ask(s.checks(db, view, log)...)
	if s.wrap != nil {
		s.wrap(&p)
	}
	if err := g.wire(s, p); err != nil {
		return g, err
	}
	err = g.openWatch(ctx, s, publisher)
	return g, err
}

// parts are the opened dependencies, as the effects see them.
type parts struct {
	polls  casting.Polls
	floors casting.Floors
	ledger casting.Ledger
	log    casting.Log
	view   casting.View
	votes  casting.Publisher
	dead   consume.DeadLetterer
	// outcomes are told of what came back.
	outcomes consume.Outcomes
}

// wire makes the effects and the consumers out of the parts.
func (g *graph) wire(s *Service, p parts) error {
	edge, late := casting.NewPollCache(p.polls, edgePollAge), casting.NewPollCache(p.polls, consumerPollAge)
	g.desk = casting.NewDesk(edge, p.polls, p.ledger, p.votes)
	g.counter = casting.NewCounter(edge, p.view, p.floors, p.ledger, p.log)
	g.recounter = casting.NewRecounter(late, p.view, p.ledger, p.log)
	if s.cfg.has(RoleTally) {
		tally := casting.NewTally(casting.TallyConfig{ViewTTL: s.cfg.ViewTTL}, p.view, p.floors, p.ledger, p.log, late, s.deps.Log)
		if err := g.join(s, intake{topics.GroupVoteTally, s.cfg.TallyBatch, tallyLinger}, stream.NewTallyHandler(tally), p); err != nil {
			return err
		}
	}
	if s.cfg.has(RoleLedger) {
		return g.join(s, intake{topics.GroupVoteLedger, s.cfg.LedgerBatch, ledgerLinger}, stream.NewLedgerHandler(casting.NewBooks(p.ledger, late)), p)
	}
	return nil
}

// sliceBytes bounds the memory of a slice: about 10,000 votes with their headers.
const sliceBytes = 4 << 20

// intake says how a group takes its records.
type intake struct {
	group   string
	records int
	linger  time.Duration
}

// join makes a member of a group that reads vote.cast and the group's replays.
func (g *graph) join(s *Service, by intake, h consume.BatchHandler, p parts) error {
	member, err := consume.NewGroup(consume.Config{
		Group: by.group, Topics: intakeTopics(by.group),
		BatchRecords: by.records, BatchBytes: sliceBytes, BatchLinger: by.linger, CommitEvery: s.cfg.CommitEvery, ResumeOutOfRange: s.cfg.ResumeOutOfRange,
		Outcomes: p.outcomes, TracerProvider: s.deps.Tracer,
	}, s.cfg.Kafka, h, p.dead, s.deps.Log)
	if err != nil {
		return err
	}
	g.groups, g.members[by.group] = append(g.groups, member), member
	g.sources = append(g.sources, introspect.Group(by.group, member))
	return nil
}

// intakeTopics are what a group reads: all votes, and its own replays.
func intakeTopics(group string) []string {
	return []string{topics.VoteCast, topics.Replay(topics.VoteCast, group)}
}

// watched are the service's groups, this process's members among them.
func watched(members map[string]*consume.Group) []watch.Group {
	var all []watch.Group
	for _, group := range []string{topics.GroupVoteTally, topics.GroupVoteLedger} {
		all = append(all, watch.Group{Name: group, Topics: intakeTopics(group), Member: members[group]})
	}
	return all
}

// run serves until ctx ends or a consumer fails; ready is called once all
// groups are joined.
func (g *graph) run(ctx context.Context, ready func()) error {
	return consume.RunAll(ctx, g.groups, ready, g.watch.Run)
}
