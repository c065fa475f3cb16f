package dlq_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// The largest record that a service can publish is kept whole when it fails, and
// so is a larger one of another framework's topic; what is shown is bounded, and
// pages show neither.
func TestTheLargestRecordsAreKeptWhole(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	// Random bytes: no compression makes them smaller on their way.
	noise := rand.NewChaCha8([32]byte{1})
	l := failed(topics.GroupVoteTally, 7, poison())
	used := len(l.Record.Key)
	for _, h := range l.Record.Headers {
		used += len(h.Key) + len(h.Value)
	}
	l.Record.Value = make([]byte, publish.MaxRecordBytes(topics.VoteCast)-used)
	_, _ = noise.Read(l.Record.Value)
	in.must(deadletter.New("vote", w.publisher).Write(t.Context(), l))

	const foreign = "orders.DLT.large"
	w.createWith(foreign, "max.message.bytes", "8388608")
	theirs := make([]byte, 5<<20)
	_, _ = noise.Read(theirs)
	w.put(foreign, []byte("order-1"), theirs, []record.Header{
		{Key: "kafka_dlt-original-topic", Value: []byte("orders")}, {Key: "kafka_dlt-original-consumer-group", Value: []byte("billing")},
	})

	i := in.start(func(c *dlq.Config) { c.Topics = []string{foreign} })
	kept := map[string][]byte{topics.GroupVoteTally: l.Record.Value, "billing": theirs}
	for id, f := range in.settled(i, "", 2) {
		if f.GetPayloadBytes() != 0 || len(f.GetPayloadRaw()) != 0 {
			t.Errorf("a page shows %d bytes of %s", len(f.GetPayloadRaw()), id)
		}
		whole, err := i.GetFailure(t.Context(), &dlqv1.GetFailureRequest{FailureId: id})
		in.must(err)
		want := kept[f.GetGroup()]
		if whole.GetPayloadBytes() != int64(len(want)) || !bytes.Equal(whole.GetPayloadRaw(), want[:min(len(want), 1<<20)]) {
			t.Errorf("%s: %d bytes are kept of %d, %d shown", f.GetGroup(), whole.GetPayloadBytes(), len(want), len(whole.GetPayloadRaw()))
		}
	}
}

// A cluster whose dlq.failed takes less than the largest letter is refused at
// start, with what to set.
func TestAClusterOnWhichLettersDoNotFitIsRefused(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	client, err := broker.Open(t.Context(), broker.Config{Brokers: in.Brokers}, discard())
	in.must(err)
	defer func() { _ = client.Close() }()
	admin, err := sarama.NewClusterAdminFromClient(client)
	in.must(err)
	letters, _ := topics.Lookup(topics.DLQFailed)
	byDefault := "1048588" // Kafka's
	in.must(admin.CreateTopic(topics.DLQFailed, &sarama.TopicDetail{
		NumPartitions: letters.PartitionsDev, ReplicationFactor: 1, ConfigEntries: map[string]*string{"max.message.bytes": &byDefault},
	}, false))
	srv, err := rpc.NewServer(rpc.ServerConfig{})
	in.must(err)
	cfg := in.config()
	service, err := dlq.New(cfg, dlq.Deps{Log: discard()}, srv)
	in.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = service.Run(ctx, cancel) // one that serves ends without a fault
	if err == nil || !strings.Contains(err.Error(), "raise max.message.bytes of "+topics.DLQFailed) {
		t.Errorf("ended with %v", err)
	}
}

// createWith makes a topic of somebody else's, with one partition and a setting.
func (w *writers) createWith(topic, setting, value string) {
	w.t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(w.client)
	w.must(err)
	w.must(admin.CreateTopic(topic, &sarama.TopicDetail{
		NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: map[string]*string{setting: &value},
	}, false))
	w.t.Cleanup(func() { _ = admin.DeleteTopic(topic) })
}
