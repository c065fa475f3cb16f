package consume_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/record"
)

// hung never ends with the records of one key, and notes the others.
type hung struct {
	oneByOne
	key     string
	forever <-chan struct{}
	hangs   chan struct{} // closed when it hangs
}

func (h hung) Handle(ctx context.Context, r *record.Record) error {
	if string(r.Key) == h.key {
		close(h.hangs)
		<-h.forever // deaf to ctx
		return nil
	}
	return h.oneByOne.Handle(ctx, r)
}

// Member timeouts as short as Apache Kafka takes them.
const (
	shortSession   = 6 * time.Second
	shortRebalance = 4 * time.Second
)

// A handler that never returns holds its key and nothing else: for longer than
// the session and the rebalance timeouts the other keys of the partition go on,
// the member is the same, and the group's generation too. The record is
// dead-lettered as indefinite, and what its key's handler says at last counts
// for nothing.
func TestAHungHandlerHoldsItsKeyAlone(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	client := open(t, b)
	topic := newTopic(t, client, 1)
	group := "g." + uuid.NewString()[:8]
	forever := make(chan struct{})
	h := hung{oneByOne: oneByOne{newSeen(0)}, key: "stuck", forever: forever, hangs: make(chan struct{})}
	patience := shortSession + shortRebalance
	cfg := consume.Config{
		Group: group, Topics: []string{topic}, SessionTimeout: shortSession, RebalanceTimeout: shortRebalance,
		Deadline: patience / 2, RunawayWait: patience, DrainTimeout: 500 * time.Millisecond, CommitEvery: 50 * time.Millisecond,
		Retry: consume.Retry{Tries: 1},
	}
	dead := &letters{}
	g, joined := startCounted(t, cfg, b, h, dead)
	send(t, client, topic, "stuck", "0")
	<-h.hangs
	member, generation := memberOf(t, client, group), g.Claims()[0].Claim.Generation
	n := 0
	for over := time.After(patience + patience/4); !passed(over); n++ { // an event of another key, then the next
		send(t, client, topic, fmt.Sprint("k", n%7), fmt.Sprint(n+1))
		await(t, "another key's record", func() bool { return h.count() == n+1 })
	}
	if f := g.InFlight(); len(f) != 1 || !f[0].Runaway || string(f[0].Key) != "stuck" || !bytes.Contains([]byte(f[0].Stack), []byte("consume_test.hung.Handle")) {
		t.Errorf("in flight: %+v", f)
	}
	if got := heartbeat(t, client, group, member, generation); got != sarama.ErrNoError {
		t.Errorf("member %s of generation %d: %v", member, generation, got)
	}
	if got := memberOf(t, client, group); got != member || joined() != 1 {
		t.Errorf("member %s became %s, joined %d times", member, got, joined())
	}
	await(t, "the letter", func() bool { return dead.count() == 1 })
	await(t, "the commit past it", func() bool { return committed(t, client, group, topic, 0) == int64(n+1) })
	close(forever) // too late
	await(t, "its end", func() bool { return len(g.InFlight()) == 0 })
	send(t, client, topic, "k0", "last")
	await(t, "the record after it", func() bool { return h.count() == n+1 })
	if got := dead.got[0]; !got.Indefinite || dead.count() != 1 {
		t.Errorf("letter %+v of %d", got, dead.count())
	}
}

func passed(over <-chan time.Time) bool {
	select {
	case <-over:
		return true
	default:
		return false
	}
}

func (l *letters) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.got)
}

// startCounted is start, and counts how often the member joined the group.
func startCounted(t *testing.T, cfg consume.Config, b broker.Config, handler any, dead consume.DeadLetterer) (*consume.Group, func() int) {
	t.Helper()
	log := &lines{}
	g, err := consume.NewGroup(cfg, b, handler, dead, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return g, func() int { return log.count("msg=joined ") }
}

// lines are a log.
type lines struct {
	mu  sync.Mutex
	got bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.got.Bytes(), []byte(text))
}

// send writes one record to partition 0.
func send(t *testing.T, client sarama.Client, topic, key, value string) {
	t.Helper()
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	_, _, err = producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(key), Value: sarama.StringEncoder(value)})
	if err != nil {
		t.Fatal(err)
	}
}

// memberOf answers the id of the group's one member.
func memberOf(t *testing.T, client sarama.Client, group string) string {
	t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(client) // closes with the client
	if err != nil {
		t.Fatal(err)
	}
	found, err := admin.DescribeConsumerGroups([]string{group})
	if err != nil || len(found) != 1 || len(found[0].Members) != 1 {
		t.Fatalf("groups %+v: %v", found, err)
	}
	for _, m := range found[0].Members {
		return m.MemberId
	}
	return ""
}

// heartbeat speaks for a member: the coordinator refuses a generation that is
// over and a member that it dropped.
func heartbeat(t *testing.T, client sarama.Client, group, member string, generation int32) sarama.KError {
	t.Helper()
	coordinator, err := client.Coordinator(group)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := coordinator.Heartbeat(&sarama.HeartbeatRequest{GroupId: group, MemberId: member, GenerationId: generation})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Err
}
