package consume_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/hold"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/proto/topics"
)

// strict refuses some values and notes the others, key by key.
type strict struct {
	mu      sync.Mutex
	refused map[string]bool
	applied map[string][]string
}

func (s *strict) Handle(_ context.Context, r *record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused[string(r.Value)] {
		return failure.As(failure.Permanent, "REFUSED", errors.New("refused"))
	}
	s.applied[string(r.Key)] = append(s.applied[string(r.Key)], string(r.Value))
	return nil
}

func (s *strict) of(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.applied[key], " ")
}

func (s *strict) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.refused)
}

// On Kafka and SQL: what a dead letter holds is held by the member that comes
// after, live records of the key are parked while replays are under way, and all
// are applied in order at last.
func TestHeldKeysOutliveTheirMember(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	client := open(t, b)
	topic, group := newTopic(t, client, 1), "g."+uuid.NewString()[:8]
	replay := topics.Replay(topic, group)
	createTopic(t, client, replay, 2)
	store, err := hold.Open(t.Context(), sqldbtest.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg := consume.Config{Group: group, Topics: []string{topic, replay}, Holds: store}
	h, dead := &strict{refused: map[string]bool{"a0": true}, applied: make(map[string][]string)}, &letters{}
	_, stop := start(t, cfg, b, h, dead)
	for _, value := range []string{"a0", "b0", "a1"} {
		send(t, client, topic, value[:1], value)
	}
	await(t, "the letters", func() bool { return dead.count() == 2 && h.of("b") == "b0" })
	stop()
	_, stop = start(t, cfg, b, h, dead)
	send(t, client, topic, "a", "a2")
	await(t, "the next one's letter", func() bool { return dead.count() == 3 })
	h.mend()
	redrive(t, client, replay, dead.got[0])
	await(t, "the first", func() bool { return h.of("a") == "a0" })
	send(t, client, topic, "a", "a3")
	await(t, "the letter of a live one", func() bool { return dead.count() == 4 })
	redrive(t, client, replay, dead.got[1], dead.got[2], dead.got[3])
	await(t, "the others", func() bool { return h.of("a") == "a0 a1 a2 a3" })
	await(t, "the key to be free", func() bool {
		held, err := store.List(t.Context(), group, 10)
		return err == nil && len(held) == 0
	})
	send(t, client, topic, "a", "a4")
	await(t, "a live one", func() bool { return h.of("a") == "a0 a1 a2 a3 a4" })
	stop()
	if classes := classesOf(dead.got); !slices.Equal(classes, []string{"PERMANENT", "HELD", "HELD", "HELD"}) {
		t.Errorf("letters of class %v", classes)
	}
}

func classesOf(letters []deadletter.Letter) (classes []string) {
	for _, l := range letters {
		classes = append(classes, failure.ClassOf(l.Err).String())
	}
	return classes
}

// redrive sends letters back to their group, in order, as the DLQ service does.
func redrive(t *testing.T, client sarama.Client, replay string, failed ...deadletter.Letter) {
	t.Helper()
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	for _, l := range failed {
		m := &sarama.ProducerMessage{Topic: replay, Partition: 1, Key: sarama.ByteEncoder(l.Record.Key), Value: sarama.ByteEncoder(l.Record.Value)}
		for _, header := range deadletter.Headers("svc", l) {
			m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(header.Key), Value: header.Value})
		}
		if _, _, err := producer.SendMessage(m); err != nil {
			t.Fatal(err)
		}
	}
}
