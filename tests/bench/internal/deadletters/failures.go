package deadletters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"floodgate.internal/backbone/sqldb"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/rounds"
)

// Failures measures how soon an operator is answered about a million failures,
// through the API, with what is counted beside a page.
func Failures() rounds.Contest { return rounds.Contest{Name: "failures", Open: openFailures} }

// archive is the contest under way.
type archive struct {
	*stand
	dlq *service
}

func openFailures(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	s, err := newStand(ctx, env)
	if err != nil {
		return nil, err
	}
	a := &archive{stand: s}
	if a.dlq, err = s.start(ctx); err != nil {
		return nil, err
	}
	for chunk := range 10 {
		// Both groups of vote.cast, in turn.
		group := []string{topics.GroupVoteTally, topics.GroupVoteLedger}[chunk%2]
		if err := a.write(ctx, group, env.Size(100_000, 100)); err != nil {
			return nil, err
		}
		if err := a.dlq.awaitKept(ctx, a.letters); err != nil {
			return nil, err
		}
	}
	if err := a.settle(ctx); err != nil {
		return nil, err
	}
	m := &rounds.Match{Close: func() error { return errors.Join(a.dlq.stop(), s.close()) }}
	calls := env.Size(200, 5)
	for _, q := range a.questions(ctx) {
		m.Sides = append(m.Sides, rounds.Side{Name: q.name, Run: func(ctx context.Context) (rounds.Sample, error) { return timed(ctx, calls, q.ask) }})
		line := rounds.Line{Name: q.name + ", p99", Unit: "ms", Ours: q.name, Note: "1,000,000 failures; orientation: SQLite"}
		if env.Servers.DatabaseURL != "" {
			line.Note, line.Target = "1,000,000 failures; PostgreSQL", rounds.Target{AtMost: q.atMost, Absolute: true}
		}
		m.Lines = append(m.Lines, line)
	}
	return m, nil
}

// settle does at once what autovacuum does in the minute behind a flood.
func (a *archive) settle(ctx context.Context) (err error) {
	db, err := sqldb.Open(ctx, a.database(), sqldb.Options{Schema: "dlq", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	statement := "VACUUM ANALYZE"
	if db.Dialect == sqldb.SQLite {
		statement = "ANALYZE"
	}
	if _, err := db.Write.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("settle the tables: %w", err)
	}
	return nil
}

// question is what an operator asks; an answer may take so many ms at most.
type question struct {
	name   string
	atMost float64
	ask    func(context.Context) error
}

func (a *archive) questions(ctx context.Context) []question {
	const page, groups = 100, 300
	kind := ""
	if found, err := a.dlq.ListGroups(ctx, &dlqv1.ListGroupsRequest{}); err == nil && len(found.GetGroups()) > 0 {
		kind = found.GetGroups()[0].GetFingerprint()
	}
	return []question{
		{"page of failures", page, a.pages("")},
		{"page of failures by status", page, a.pages("status = OPEN")},
		{"page of failures by kind", page, a.pages(fmt.Sprintf("fingerprint = %q", kind))},
		{"page of failures by consumer group", page, a.pages(fmt.Sprintf("group = %q", topics.GroupVoteLedger))},
		{"groups of failures", groups, func(ctx context.Context) error {
			_, err := a.dlq.ListGroups(ctx, &dlqv1.ListGroupsRequest{})
			return err
		}},
		{"statistics of failures", groups, func(ctx context.Context) error {
			_, err := a.dlq.GetStats(ctx, &dlqv1.GetStatsRequest{})
			return err
		}},
	}
}

// pages asks for one page after the other.
func (a *archive) pages(filter string) func(context.Context) error {
	token := ""
	return func(ctx context.Context) error {
		page, err := a.dlq.ListFailures(ctx, &dlqv1.ListFailuresRequest{Filter: filter, PageToken: token})
		token = page.GetNextPageToken()
		if err == nil && len(page.GetFailures()) == 0 {
			err = fmt.Errorf("the page of %q is empty", filter)
		}
		return err
	}
}

// timed asks so many times and answers the percentiles, the 99th as its value.
func timed(ctx context.Context, calls int, ask func(context.Context) error) (rounds.Sample, error) {
	took := make([]time.Duration, calls)
	for i := range took {
		begun := time.Now()
		if err := ask(ctx); err != nil {
			return rounds.Sample{}, err
		}
		took[i] = time.Since(begun)
	}
	slices.Sort(took)
	p99 := took[calls*99/100]
	return rounds.Sample{Value: float64(p99.Microseconds()) / 1000, P50: took[calls/2], P99: p99}, nil
}
