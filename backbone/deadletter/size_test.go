package deadletter_test

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/embedded"
	"floodgate.internal/proto/topics"
)

// sized answers a client of a cluster whose topics take batches of these sizes;
// the broker is the test's own, as the names are the catalogue's.
func sized(t *testing.T, bytes map[string]int) sarama.Client {
	t.Helper()
	b, err := embedded.StartBroker(t.Context(), embedded.BrokerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	client, err := broker.Open(t.Context(), broker.Config{Brokers: b.Addrs()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range bytes {
		value := strconv.Itoa(n)
		err := admin.CreateTopic(name, &sarama.TopicDetail{
			NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: map[string]*string{"max.message.bytes": &value},
		}, false)
		if err != nil {
			t.Fatal(err)
		}
	}
	return client
}

func TestDeadLettersMustFitTheirTopic(t *testing.T) {
	t.Parallel()
	const made = broker.MaxBatchBytes
	replay := topics.Replay(topics.VoteCast, topics.GroupVoteTally)
	for name, tc := range map[string]struct {
		bytes map[string]int
		want  []string // in the error; nil is none
	}{
		"as EnsureTopics makes them": {map[string]int{topics.DLQFailed: made, topics.VoteCast: made, replay: made}, nil},
		"room to the byte":           {map[string]int{topics.DLQFailed: 1<<20 + 64<<10, topics.VoteCast: made, replay: made}, nil},
		"short by a byte": {
			map[string]int{topics.DLQFailed: 1<<20 + 64<<10 - 1, topics.VoteCast: made, replay: made},
			[]string{"dlq.failed", "1114111", "vote.cast", "1048576", "65536", "max.message.bytes of dlq.failed to 1179648", replay},
		},
		"a source that takes more than any letter": {
			map[string]int{topics.DLQFailed: 8 << 20, topics.VoteCast: 2 << 20, replay: made},
			[]string{"vote.cast", "2097152", "1179648", "lower max.message.bytes of vote.cast"},
		},
		"a topic that is not there": {map[string]int{topics.DLQFailed: made}, []string{topics.VoteCast}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := deadletter.CheckSize(t.Context(), sized(t, tc.bytes), []string{topics.VoteCast, replay, topics.DLQFailed})
			if (err == nil) != (tc.want == nil) {
				t.Fatal(err)
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not named in: %v", part, err)
				}
			}
		})
	}
}

func TestEveryTopicOfTheCatalogueCanBeDeadLettered(t *testing.T) {
	t.Parallel()
	client := sized(t, nil)
	all := topics.Catalogue()
	if err := broker.EnsureTopics(t.Context(), client, broker.Config{}, all); err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(all))
	for i, topic := range all {
		names[i] = topic.Name
	}
	if err := deadletter.CheckSize(t.Context(), client, names); err != nil {
		t.Error(err)
	}
}
