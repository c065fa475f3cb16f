package faults_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing/fstest"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/inbox"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/tests/faults/reconcile"
)

// effectTables hold what was applied, as often as it was: nothing but the inbox
// keeps an event from being there twice. lanes give the rows their order, and
// are locked by whoever applies.
func effectTables() fstest.MapFS {
	return fstest.MapFS{"00001_effects.sql": {Data: []byte(`-- +goose Up
CREATE TABLE effects (lane TEXT NOT NULL, place BIGINT NOT NULL, event_id TEXT NOT NULL,
	instance TEXT NOT NULL, event_key TEXT NOT NULL, sequence BIGINT NOT NULL, PRIMARY KEY (lane, place));
CREATE TABLE lanes (lane TEXT NOT NULL PRIMARY KEY, place BIGINT NOT NULL);
`)}}
}

// effects is a service's effect in SQL.
type effects struct {
	db    *sqldb.DB
	inbox *inbox.Inbox
	// at is called at each step; where it does not return, the step is the last.
	at func(step string)
	// failed has the flaky events that have had their failure.
	failed sync.Map
}

func openEffects(ctx context.Context, db *sqldb.DB, topic, group string, at func(string)) (*effects, error) {
	in, err := inbox.New(inbox.Config{Group: group, Topics: []string{topic}, Retention: retention + pause, LongestPause: pause})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(inbox.Migrate(ctx, db), db.Migrate(ctx, effectTables())); err != nil {
		return nil, err
	}
	return &effects{db: db, inbox: in, at: at}, nil
}

// apply applies what is new among records in one transaction, and remembers it
// there.
func (e *effects) apply(ctx context.Context, lane string, records []*record.Record) error {
	e.at("handle before")
	err := e.db.InTx(ctx, func(tx *sqldb.Tx) error {
		place, err := lock(ctx, tx, lane)
		if err != nil {
			return err
		}
		verdicts, err := e.inbox.Take(ctx, tx, records)
		if err != nil {
			return err
		}
		rows := make([][]any, 0, len(records))
		for i, r := range records {
			event, err := read(r)
			if err := errors.Join(err, verdicts[i].Err()); err != nil {
				return err
			}
			if verdicts[i] != inbox.Fresh {
				continue
			}
			place++
			rows = append(rows, []any{lane, place, event.ID, event.Instance, event.Key, int64(event.Sequence)})
		}
		if err := write(ctx, tx, lane, place, rows); err != nil {
			return err
		}
		e.at("handle uncommitted")
		return nil
	})
	if err == nil {
		e.at("handle after")
	}
	if sqldb.IsUnavailable(err) {
		return failure.As(failure.Outage, "DATABASE_AWAY", err)
	}
	return err
}

// lock holds the lane for the transaction and answers its last place.
func lock(ctx context.Context, tx *sqldb.Tx, lane string) (place int64, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO lanes (lane, place) VALUES ($1, 0)
		ON CONFLICT (lane) DO UPDATE SET place = lanes.place RETURNING place`, lane).Scan(&place)
	return place, err
}

func write(ctx context.Context, tx *sqldb.Tx, lane string, place int64, rows [][]any) error {
	_, err := sqldb.BulkInsert(ctx, tx, "effects", []string{"lane", "place", "event_id", "instance", "event_key", "sequence"},
		func(yield func([]any) bool) {
			for _, row := range rows {
				if !yield(row) {
					return
				}
			}
		})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE lanes SET place = $1 WHERE lane = $2", place, lane)
	return err
}

var (
	errPoison = errors.New("poison")
	errFlaky  = errors.New("fails once")
)

// judge is what a record's event does to its handler before any effect.
func (e *effects) judge(r *record.Record) error {
	event, err := read(r)
	switch {
	case err != nil:
		return failure.As(failure.Undecodable, "NO_EVENT", err)
	case poisoned(event):
		return failure.As(failure.Permanent, "POISON", errPoison)
	case flaky(event):
		if _, had := e.failed.LoadOrStore(event.ID, true); !had {
			return errFlaky
		}
		e.at("retry")
	}
	return nil
}

// oneByOne applies a record at a time, keys beside each other.
type oneByOne struct{ *effects }

// Handle implements consume.Handler. The lane is the key.
func (h oneByOne) Handle(ctx context.Context, r *record.Record) error {
	if err := h.judge(r); err != nil {
		return err
	}
	return h.apply(ctx, "key "+string(r.Key), []*record.Record{r})
}

// BeforeCommit implements consume.Committer.
func (h oneByOne) BeforeCommit(context.Context, consume.Claim, int64) error {
	h.at("commit")
	return nil
}

// inSlices applies a partition's slice at a time.
type inSlices struct{ *effects }

// HandleBatch implements consume.BatchHandler. The lane is the partition. A flaky
// record fails its slice: marked alone, it would be applied after later ones of
// its key.
func (h inSlices) HandleBatch(ctx context.Context, b *consume.Batch) error {
	good := make([]*record.Record, 0, len(b.Records))
	for i, r := range b.Records {
		err := h.judge(r)
		if errors.Is(err, errFlaky) {
			return err
		}
		b.Fail(i, err)
		if err == nil {
			good = append(good, r)
		}
	}
	return h.apply(ctx, "partition "+strconv.Itoa(int(b.Claim.Partition)), good)
}

// BeforeCommit implements consume.Committer.
func (h inSlices) BeforeCommit(context.Context, consume.Claim, int64) error {
	h.at("commit")
	return nil
}

// applied reads the effects, each lane in its order.
func (e *effects) applied(ctx context.Context) (out []reconcile.Event, err error) {
	rows, err := e.db.Read.QueryContext(ctx, "SELECT event_id, instance, event_key, sequence FROM effects ORDER BY lane, place")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var event reconcile.Event
		if err := rows.Scan(&event.ID, &event.Instance, &event.Key, &event.Sequence); err != nil {
			return nil, err
		}
		out = append(out, event)
	}
	return out, rows.Err()
}
