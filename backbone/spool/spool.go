// Package spool takes records while Kafka is away, in the service's own
// database, and sends them when it is back. Its promise: what was acknowledged
// reaches the log, and the records of a key that one process published reach it
// in their order, whatever is killed, cut or away in between (SEMANTICS 2, 11,
// 12).
//
// A service publishes through a Spool instead of a publish.Publisher. While
// Kafka takes records in time, the Spool only counts them. A record that Kafka
// does not take in time goes into the table spool_rows, and its caller is
// answered once it is durable there: Spooled, with the time at which it became
// so, which the record carries (record.HeaderSpooledAt). The same table is the
// outbox of services whose state change and event must be one: AppendTx.
//
//	            ┌──────────────── direct ────────────────┐
//	Publish ──► lane                                     ├──► Kafka
//	            └─ spooling ─► append ─► SQL ─► relay ───┘
//	AppendTx ────────────────────────────►┘
//
// # Order
//
// A lane is hash(key) mod 64 of a topic. Step by step, for a lane of one
// process:
//
//  1. Direct. Records are sent to Kafka, each awaited by its caller; the lane
//     counts those in flight. Two of them in flight at once are of callers who
//     did not wait for each other.
//  2. A send fails, or takes longer than Patience, or the topic's breaker is
//     open. From here on the lane is spooling: arrivals wait in it. A failed
//     send joins them, at the place of its ticket, also if its caller has
//     gone: it may yet reach the log (ErrIndefinite), and must stand in the
//     spool before what came after it, or a late arrival of it would be the
//     first of its kind behind them.
//  3. When no send is in flight, what waits is appended: one transaction for all
//     lanes that are ready locks their rows in order, gives out sequences under
//     the lock, and copies the rows. Because of the lock, rows of a lane become
//     visible in the order of their sequences.
//  4. If that transaction fails, its callers are told so; records in doubt stay
//     at the head of the lane, in memory, and go with the next transaction.
//  5. The relay that owns the lane reads from its head, writes to Kafka in
//     batches that are taken whole or not at all, one at a time per partition
//     (publish.Writer), and deletes what was acknowledged, together with moving
//     the head, under the lane's lock and only while it still owns it.
//  6. Switch back: under the lane's lock in SQL, if the lane is empty there and
//     nothing is on its way into it, the lane is direct again. The lock makes
//     an append whose commit was never answered either visible or impossible.
//     Where records keep coming, appends are held for a moment so that the
//     lane can become empty; those held are then sent directly.
//
// A process that starts finds the lanes that have rows and begins with them
// spooling, so that order also holds over a restart.
//
// # Two relays
//
// A relay that was stopped for longer than its lease may send after another has
// taken its lane over. Both send the lane from its head without a gap, so
// whatever the interleaving, a record's first occurrence is behind those of all
// its predecessors: either way its sender had sent them before. The copies are
// deduplicated by event id, as every consumer does. The late one deletes
// nothing: its removal names itself and the head that it began from.
package spool

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/sqldb"
)

// publisher is the direct way: publish.Publisher.
type publisher interface {
	Publish(ctx context.Context, e publish.Event) (publish.Ack, error)
	Encode(ctx context.Context, e publish.Event) (record.Record, error)
}

// writer is the relay's way: publish.Writer.
type writer interface {
	Write(ctx context.Context, topic string, records []record.Record) []error
}

// topic is a topic that may be spooled, as this process sees it.
type topic struct {
	name    string
	breaker *breaker
	lanes   [Lanes]lane
	wake    chan struct{} // has an element where the relay is to look
}

// Spool publishes events, by way of the database where Kafka does not take them,
// and relays what is there. Safe for concurrent use.
type Spool struct {
	cfg    Config
	db     *sqldb.DB
	direct publisher
	relay  writer
	owner  string
	topics map[string]*topic // never changes
	faults func(step string) // tests stand between the steps; nil in service

	ready   readyLanes
	waiting atomic.Int64 // records in this process on their way into the spool
	latest  atomic.Pointer[Status]
	counts  *counters
	metrics []prometheus.Collector // registered

	closed  atomic.Bool
	life    context.Context // ends when Close begins; what is under way ends with it
	end     context.CancelFunc
	relays  relays
	running sync.WaitGroup // the relays, the status, the switch
	appends sync.WaitGroup // the appender, which ends last
}

// Open brings the spool's tables in db up to date, finds what an earlier process
// left, and starts the relay. The caller closes the spool before the publisher,
// the writer's client and the database. Errors name every wrong setting.
func Open(ctx context.Context, cfg Config, db *sqldb.DB, direct publisher, relay writer) (*Spool, error) {
	s, err := prepare(ctx, cfg, db, direct, relay)
	if err != nil {
		return nil, err
	}
	if err := s.register(); err != nil {
		return nil, err
	}
	s.start()
	return s, nil
}

// prepare is Open without the goroutines.
func prepare(ctx context.Context, cfg Config, db *sqldb.DB, direct publisher, relay writer) (*Spool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Spool{cfg: cfg.WithDefaults(), db: db, direct: direct, relay: relay, topics: make(map[string]*topic), counts: newCounters()}
	if s.owner = s.cfg.Instance; s.owner == "" {
		s.owner = strings.ToLower(rand.Text())
	}
	s.ready.filled = make(chan struct{}, 1)
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.relays.running = make(map[string]bool)
	for _, t := range s.cfg.Topics {
		s.topics[t.Name] = newTopic(t.Name, s.cfg)
	}
	if err := migrate(ctx, db); err != nil {
		return nil, err
	}
	if err := s.takeUp(ctx); err != nil {
		return nil, fmt.Errorf("opening the spool: %w", err)
	}
	return s, nil
}

func newTopic(name string, cfg Config) *topic {
	t := &topic{name: name, wake: make(chan struct{}, 1)}
	t.breaker = newBreaker(name, uint32(cfg.Failures), cfg.ProbeEvery, cfg.Log) //nolint:gosec // 1 at least, and small
	for n := range t.lanes {
		t.lanes[n].topic, t.lanes[n].number = name, n
	}
	return t
}

// takeUp makes the lanes' rows and has this process spool behind what an earlier
// one left.
func (s *Spool) takeUp(ctx context.Context) error {
	err := s.db.InTx(ctx, func(tx *sqldb.Tx) error {
		for _, t := range s.cfg.Topics {
			if err := addLanes(ctx, tx, t.Name); err != nil {
				return err
			}
		}
		if s.db.Dialect == sqldb.SQLite {
			return disown(ctx, tx)
		}
		return nil
	})
	if err != nil {
		return err
	}
	lanes, err := filled(ctx, s.db, "")
	if err != nil {
		return err
	}
	for _, l := range lanes {
		if t := s.topics[l.topic]; t != nil {
			t.lanes[l.lane].spool()
		}
	}
	return nil
}

func (s *Spool) start() {
	s.appends.Go(s.runAppends)
	for _, t := range s.topics {
		s.startRelay(t)
	}
	s.running.Go(s.runSwitch)
	s.running.Go(s.runStatus)
}

// Close takes no more records, appends those that wait, stops the relay and
// gives its lanes up for others. What is in the table stays there. Callers of
// Publish should have been answered before.
func (s *Spool) Close() error {
	if !s.closed.CompareAndSwap(false, true) {
		return nil
	}
	signal(s.ready.filled)
	s.appends.Wait()
	s.end()
	s.running.Wait()
	s.unregister()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.life), s.cfg.AppendTimeout)
	defer cancel()
	if err := release(ctx, s.db, s.owner); err != nil {
		return fmt.Errorf("giving up lanes of the spool: %w", err)
	}
	return nil
}

// at lets a test stand between two steps.
func (s *Spool) at(step string) {
	if s.faults != nil {
		s.faults(step)
	}
}

// pause waits for d, or less if wake has an element; false where the spool ends.
func (s *Spool) pause(d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.life.Done():
		return false
	case <-wake:
	case <-timer.C:
	}
	return s.life.Err() == nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// errClosed is the answer after Close.
func errClosed() error { return outage("SPOOL_CLOSED", errors.Join(publish.ErrClosed)) }
