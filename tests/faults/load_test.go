package faults_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/faults/reconcile"
)

// partitions of each topic here.
const partitions = 4

// load is a run of events on a topic of its own, with a group that applies them
// and all that is noted of both.
type load struct {
	t            *testing.T
	cfg          broker.Config
	client       sarama.Client // for questions about the log
	log          *slog.Logger
	name         string // what the messages call it
	topic, group string
	effects      *effects
	recorder     reconcile.Recorder
	middle       *middle
	seconds      map[string]*second // of the instances with a spool that have one
	spools       []*sqldb.DB        // of its instances
	inSpool      atomic.Int64       // acks that a spool gave
}

func newLoad(t *testing.T, k kafka, m *middle) *load {
	t.Helper()
	return newLoadOn(t, k, m, sqldbtest.Open(t))
}

func newLoadOn(t *testing.T, k kafka, m *middle, db *sqldb.DB) *load {
	t.Helper()
	name := "faults." + uuid.NewString()[:8]
	l := &load{
		t: t, cfg: broker.Config{Brokers: k.addrs()}, name: name, topic: name, group: "g." + name, middle: m, seconds: make(map[string]*second),
		log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	}
	l.client = l.open()
	dead, _ := topics.Lookup(topics.DLQFailed)
	must(t, broker.EnsureTopics(t.Context(), l.client, l.cfg, []topics.Topic{entry(l.topic), dead}))
	var err error
	l.effects, err = openEffects(t.Context(), db, l.topic, l.group, m.consuming)
	must(t, err)
	must(t, l.effects.inbox.CheckRetention(t.Context(), l.client))
	return l
}

// entry is the topic of a load as the catalogue would have it.
func entry(name string) topics.Topic {
	return topics.Topic{
		Name: name, Key: "key", PartitionsDev: partitions, PartitionsProd: partitions,
		Retention: retention, SegmentBytes: 64 << 20, LogAppendTime: true,
	}
}

func (l *load) open() sarama.Client {
	l.t.Helper()
	client, err := broker.Open(l.t.Context(), l.cfg, l.log)
	must(l.t, err)
	l.t.Cleanup(func() { _ = client.Close() })
	return client
}

// bare is a publisher without a spool, as an instance has it.
func (l *load) bare(instance string) publisher {
	l.t.Helper()
	p, err := publish.New(l.open(), publish.Config{Source: instance, CloseTimeout: time.Second, Log: l.log})
	must(l.t, err)
	l.t.Cleanup(func() { _ = p.Close() })
	return p
}

// publish is sending, at once.
func (l *load) publish(n int, front func(instance string) publisher) {
	l.t.Helper()
	l.sending(n, front)()
}

// sending starts two instances. What it answers sends n events by them, with
// keys of the same names, and returns when all are acknowledged or given up.
func (l *load) sending(n int, front func(instance string) publisher) func() {
	l.t.Helper()
	const keys = 20
	each := n / 2 / keys
	var senders []sender
	for _, instance := range []string{"first", "second"} {
		senders = append(senders, sender{
			publisher: front(instance), topic: l.topic, instance: instance,
			sending: func(e reconcile.Event) {
				l.recorder.Send(e)
				switch e.Sequence {
				case each / 3:
					l.middle.publishing(l.t.Context())
				case 2 * each / 3:
					l.seconds[instance].publishing(l.t.Context())
				}
			},
			acknowledged: func(e reconcile.Event) {
				l.recorder.Acknowledge(e)
				if e.Sequence >= 2*each/3 {
					l.seconds[instance].acknowledged()
				}
			},
		})
	}
	return func() {
		var instances sync.WaitGroup
		for _, s := range senders {
			instances.Go(func() {
				if err := s.lanes(l.t.Context(), keys, each); err != nil {
					l.t.Errorf("%s: publishing: %v", l.name, err)
				}
			})
		}
		instances.Wait()
	}
}

// consume runs a member of the load's group until the answer is called.
func (l *load) consume(handler any) (end func()) {
	l.t.Helper()
	c, err := startConsumer(l.t.Context(), l.cfg, l.topic, l.group, handler, 500, l.log, asItIs)
	must(l.t, err)
	end = sync.OnceFunc(func() {
		if err := c.end(); err != nil {
			l.t.Errorf("ending the consumer: %v", err)
		}
	})
	l.t.Cleanup(end)
	return end
}

// drained answers whether the group has committed the end of every partition.
func (l *load) drained() bool { return drained(l.t.Context(), l.client, l.group, l.topic) }

// drained answers whether a group has committed the end of every partition of a
// topic.
func drained(ctx context.Context, client sarama.Client, group, topic string) bool {
	ranges, err := broker.Offsets(ctx, client, topic)
	if err != nil {
		return false
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return false
	}
	ids := make([]int32, len(ranges))
	for i, r := range ranges {
		ids[i] = r.Partition
	}
	offsets, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: ids})
	if err != nil {
		return false
	}
	for _, r := range ranges {
		if r.Next > 0 && offsets.GetBlock(topic, r.Partition).Offset != r.Next {
			return false
		}
	}
	return true
}

// secondsBegun answers whether all instances publish their rest.
func (l *load) secondsBegun() bool {
	all, nothing := true, l.relayed()
	for _, s := range l.seconds {
		if nothing {
			s.goOn()
		}
		all = all && s.begun()
	}
	return all
}

// deadLettered reads the group's letters, each partition in its order.
func (l *load) deadLettered() (out []reconcile.Event) {
	l.t.Helper()
	ranges, err := broker.Offsets(l.t.Context(), l.client, topics.DLQFailed)
	must(l.t, err)
	for _, at := range ranges {
		must(l.t, broker.ReadRange(l.t.Context(), l.client, topics.DLQFailed, at.Partition, at.First, at.Next, func(r *record.Record) error {
			if group, _ := r.Get(record.HeaderErrorGroup); group != l.group {
				return nil
			}
			e, err := read(r)
			out = append(out, e)
			return err
		}))
	}
	return out
}

// reconciled waits until the group is drained and checks every promise.
func (l *load) reconciled(end func()) {
	l.t.Helper()
	await(l.t, "the spool to drain: "+l.name, l.relayed)
	await(l.t, "the group to drain: "+l.name, l.drained)
	end()
	applied, err := l.effects.applied(l.t.Context())
	must(l.t, err)
	buried := l.deadLettered()
	if faults := reconcile.Check(l.recorder.Run(applied, buried)); len(faults) > 0 {
		l.t.Errorf("%s: %s", l.name, reconcile.Report(faults))
	}
	if l.recorder.Acknowledged() == 0 || len(applied) == 0 {
		l.t.Errorf("%s: nothing was acknowledged or nothing applied, which shows nothing", l.name)
	}
	l.t.Logf("%s: %d acknowledged, %d of them by a spool, %d applied, %d letters",
		l.name, l.recorder.Acknowledged(), l.inSpool.Load(), len(applied), len(buried))
}
