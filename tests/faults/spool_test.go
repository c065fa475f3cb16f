package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/spool"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/proto/topics"
)

// front is the spool in front of a publisher, as an instance has it.
type front struct {
	*spool.Spool
	end func()
}

// openFront opens a spool for one topic. at is called around each write of its
// relay.
func openFront(ctx context.Context, cfg broker.Config, topic, instance string, db *sqldb.DB, log *slog.Logger, at func(string)) (*front, error) {
	direct, err := broker.Open(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	relay, err := broker.Open(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	p, err := publish.New(direct, publish.Config{Source: instance, CloseTimeout: time.Second, Log: log})
	if err != nil {
		return nil, err
	}
	s, err := spool.Open(ctx, spool.Config{
		Topics:   []topics.Topic{entry(topic)},
		Patience: 200 * time.Millisecond, ProbeEvery: 200 * time.Millisecond, Lease: time.Second, Log: log,
	}, db, p, dyingWriter{publish.NewWriter(relay), at})
	if err != nil {
		return nil, err
	}
	return &front{Spool: s, end: func() {
		_ = s.Close()
		_ = p.Close()
		_ = direct.Close()
		_ = relay.Close()
	}}, nil
}

// dyingWriter passes its steps around each write of the relay.
type dyingWriter struct {
	*publish.Writer
	at func(string)
}

// Write is the relay's.
func (w dyingWriter) Write(ctx context.Context, topic string, records []record.Record) []error {
	w.at("relay before")
	errs := w.Writer.Write(ctx, topic, records)
	w.at("relay after")
	if slices.Contains(errs, nil) {
		w.at("relayed")
	}
	return errs
}

// spooled answers fronts with a spool: on PostgreSQL the instances share it, on
// SQLite each has a file of its own, as a file is one process's.
func (l *load) spooled() func(instance string) publisher {
	l.t.Helper()
	db := sqldbtest.Open(l.t)
	return func(instance string) publisher {
		if db.Dialect == sqldb.SQLite && len(l.spools) > 0 {
			db = sqldbtest.Open(l.t)
		}
		l.spools = append(l.spools, db)
		f, err := openFront(l.t.Context(), l.cfg, l.topic, instance, db, l.log, func(step string) {
			l.seconds[instance].relaying(l.t.Context(), step)
		})
		must(l.t, err)
		l.t.Cleanup(f.end)
		return countingFront{f, &l.inSpool}
	}
}

// countingFront counts the acks that the spool gave.
type countingFront struct {
	publisher
	spooled *atomic.Int64
}

// Publish is the front's.
func (c countingFront) Publish(ctx context.Context, e publish.Event) (publish.Ack, error) {
	ack, err := c.publisher.Publish(ctx, e)
	if ack.Spooled {
		c.spooled.Add(1)
	}
	return ack, err
}

// relayed answers whether nothing is left in the load's spools.
func (l *load) relayed() bool {
	for _, db := range l.spools {
		var rows int
		if err := db.Read.QueryRowContext(l.t.Context(), "SELECT count(*) FROM spool_rows").Scan(&rows); err != nil || rows > 0 {
			return false
		}
	}
	return true
}

// The broker goes away; an instance spools, and is killed at a step of its spool
// or relay, while the broker is away or after it came back. Its successor on the
// same database relays what it finds.
func TestAnInstanceIsKilledAtEachStepOfItsRelay(t *testing.T) {
	t.Parallel()
	k := newKafka(t)
	deaths := []death{{"spooled", 30, ""}, {"relay before", 1, ""}, {"relay after", 1, ""}, {"relay before", 4, ""}, {"relay after", 4, ""}}
	loads, workers := make([]*load, len(deaths)), make([]*worker, len(deaths))
	orders := make([]*workerOrder, len(deaths))
	for i, d := range deaths {
		loads[i], orders[i] = newWorkerLoad(t, k)
		loads[i].name = fmt.Sprintf("killed at %q, passing %d", d.step, d.count)
		o := orders[i]
		o.Spool, o.DieAt, o.DieAtCount, o.Keys, o.PerKey = true, d.step, d.count, 20, 100_000
		o.Told = true
		workers[i] = startWorker(t, loads[i], o)
	}
	for _, l := range loads {
		await(t, "acks: "+l.name, func() bool { return l.recorder.Acknowledged() > 100 })
	}
	k.stop()
	for i, l := range loads {
		before := l.recorder.Acknowledged()
		workers[i].tell()
		await(t, "acks by the spool: "+l.name, func() bool {
			return l.recorder.Acknowledged() > before+200 || workers[i].dead.Load()
		})
	}
	k.start()
	for i, l := range loads {
		workers[i].awaitKill()
		l.spools = append(l.spools, l.effects.db)
		f, err := openFront(t.Context(), l.cfg, l.topic, "second", l.effects.db, l.log, func(string) {})
		must(t, err)
		t.Cleanup(f.end)
		end := l.consume(inSlices{l.effects})
		l.publish(200, func(string) publisher { return f })
		l.reconciled(end)
	}
}
