package faults_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/faults/reconcile"
)

// hotKeys have as many events each as a twentieth of all.
const hotKeys = 4

// redriveLoad is a run of events that fail in a group, and are brought back to
// it by the DLQ service: the broker, the service and the group are processes of
// their own.
type redriveLoad struct {
	t          *testing.T
	kafka      kafka
	dlq, group *child
	addr       string // of the DLQ service
	client     sarama.Client
	db         *sqldb.DB // of the effects
	effects    *effects
	failed     []reconcile.Event
}

func newRedriveLoad(t *testing.T, s redriveSize) *redriveLoad {
	t.Helper()
	l := &redriveLoad{t: t, kafka: newKafka(t), addr: freeAddress(t)}
	log := slog.New(slog.DiscardHandler)
	cfg := broker.Config{Brokers: l.kafka.addrs()}
	var err error
	l.client, err = broker.Open(t.Context(), cfg, log)
	must(t, err)
	t.Cleanup(func() { _ = l.client.Close() })
	must(t, broker.EnsureTopics(t.Context(), l.client, cfg, topics.Catalogue()))
	url, options := sqldbtest.Fresh(t)
	l.db = sqldbtest.Reopen(t, url, options)
	l.effects, err = openEffects(t.Context(), l.db, topics.VoteCast, topics.GroupVoteTally, func(string) {})
	must(t, err)
	failures := "sqlite://" + filepath.ToSlash(t.TempDir()) + "/"
	if os.Getenv(embeddedtest.BrokersVar) != "" && os.Getenv(sqldbtest.URLVar) != "" {
		failures = os.Getenv(sqldbtest.URLVar) // emptied with the broker
	}
	l.dlq = newChild(t, dlqVar, dlqOrder{Brokers: l.kafka.addrs(), URL: failures, Addr: l.addr})
	l.group = newChild(t, groupVar, groupOrder{Brokers: l.kafka.addrs(), URL: url, Schema: options.Schema, Slice: s.slice, Work: s.work})
	return l
}

// publish sends n events, a tenth of which fail again once, and a fiftieth always;
// those of each instance and key one after the other.
func (l *redriveLoad) publish(n int) {
	l.t.Helper()
	must(l.t, l.publishing(n)())
}

// publishing makes n events. What it answers sends them, until all are in the
// log.
func (l *redriveLoad) publishing(n int) func() error {
	l.t.Helper()
	p, err := publish.New(l.client, publish.Config{Source: "faults", CloseTimeout: time.Second, Log: slog.New(slog.DiscardHandler)})
	must(l.t, err)
	l.t.Cleanup(func() { _ = p.Close() })
	lanes := map[[2]string][]reconcile.Event{}
	for i := range n {
		instance, key := sound, fmt.Sprintf("key%d", i%(n/50))
		if i%5 == 0 {
			key = fmt.Sprintf("hot%d", i/5%hotKeys)
		}
		if i%10 == 3 {
			instance = stubborn
		}
		if i%50 == 7 {
			instance = hopeless
		}
		lane := [2]string{instance, key}
		e := newEvent(instance, key, len(lanes[lane]))
		lanes[lane], l.failed = append(lanes[lane], e), append(l.failed, e)
	}
	return func() error {
		var sending errgroup.Group
		for _, lane := range lanes {
			sending.Go(func() error { return sendAll(l.t.Context(), p, lane) })
		}
		return sending.Wait()
	}
}

// sendAll sends events one after the other, each until it is in the log.
func sendAll(ctx context.Context, p publisher, events []reconcile.Event) error {
	s := sender{publisher: p, topic: topics.VoteCast}
	for _, e := range events {
		err := errGivenUp
		for errors.Is(err, errGivenUp) {
			err = s.send(ctx, e)
		}
		if err != nil {
			return fmt.Errorf("%v: %w", e, err)
		}
	}
	return nil
}

// letters counts the dead letters in the log; 0 while nobody can tell.
func (l *redriveLoad) letters() (n int64) {
	ranges, err := broker.Offsets(l.t.Context(), l.client, topics.DLQFailed)
	if err != nil {
		return 0
	}
	for _, r := range ranges {
		n += r.Next
	}
	return n
}

// count answers how many of the events an instance sent.
func (l *redriveLoad) count(instances ...string) (n int64) {
	for _, e := range l.failed {
		for _, instance := range instances {
			if e.Instance == instance {
				n++
			}
		}
	}
	return n
}

// ask calls the DLQ service until it answers: it is killed while it is asked.
func (l *redriveLoad) ask(what string, call func(context.Context, dlqv1.DlqServiceClient) error) {
	l.t.Helper()
	conn, err := rpc.Dial(l.addr, rpc.DialConfig{})
	must(l.t, err)
	defer func() { _ = conn.Close() }()
	var last error
	defer func() {
		if l.t.Failed() {
			l.t.Log(what, last)
		}
	}()
	await(l.t, what, func() bool {
		ctx, cancel := context.WithTimeout(l.t.Context(), 30*time.Second)
		defer cancel()
		last = call(ctx, dlqv1.NewDlqServiceClient(conn))
		return last == nil
	})
}

// create freezes what is open for a replay.
func (l *redriveLoad) create(name string, rate int32) (id string) {
	l.t.Helper()
	ratio := 1.0
	l.ask("the replay to be made", func(ctx context.Context, c dlqv1.DlqServiceClient) error {
		made, err := c.CreateReplay(ctx, &dlqv1.CreateReplayRequest{
			Filter: "status = OPEN", RatePerSecond: &rate, StopAtFailureRatio: &ratio, RequestId: name,
		})
		id = made.GetReplayId()
		return err
	})
	return id
}

// end waits for a replay's end and answers it; only one that stands still is cut.
func (l *redriveLoad) end(id string) (r *dlqv1.Replay) {
	l.t.Helper()
	for r.GetEndedAt() == nil {
		before := r
		l.ask("the replay to go on", func(ctx context.Context, c dlqv1.DlqServiceClient) (err error) {
			if r, err = c.GetReplay(ctx, &dlqv1.GetReplayRequest{ReplayId: id}); err == nil && proto.Equal(r, before) {
				err = fmt.Errorf("it stands still: %v", r)
			}
			return err
		})
	}
	return r
}

// failures reads every row of the DLQ service.
func (l *redriveLoad) failures() map[string]*dlqv1.Failure {
	l.t.Helper()
	size, rows := int32(1000), map[string]*dlqv1.Failure{}
	for token := ""; ; {
		var page *dlqv1.ListFailuresResponse
		l.ask("a page of failures", func(ctx context.Context, c dlqv1.DlqServiceClient) (err error) {
			page, err = c.ListFailures(ctx, &dlqv1.ListFailuresRequest{PageSize: &size, PageToken: token})
			return err
		})
		for _, f := range page.GetFailures() {
			rows[f.GetEventId()] = f
		}
		if token = page.GetNextPageToken(); token == "" {
			return rows
		}
	}
}

// applied counts the effects there are.
func (l *redriveLoad) applied() (n int64) {
	l.t.Helper()
	must(l.t, l.db.Read.QueryRowContext(l.t.Context(), "SELECT CAST(COALESCE(SUM(place), 0) AS BIGINT) FROM lanes").Scan(&n))
	return n
}
