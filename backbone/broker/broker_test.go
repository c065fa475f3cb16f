package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

func TestMain(m *testing.M) {
	// sarama's meters tick in one goroutine for the life of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func TestValidateNamesEveryFault(t *testing.T) {
	t.Parallel()
	err := broker.Config{
		Brokers: []string{"kafka", "kafka:0", ":9092"}, ClientID: "a b", Scale: "huge",
		ReplicationFactor: -1, DialTimeout: -1, RequestTimeout: -1,
	}.Validate()
	for _, want := range []string{`"kafka"`, `"kafka:0"`, `":9092"`, `"a b"`, `"huge"`, "replication", "dial", "request"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("faults %v do not name %s", err, want)
		}
	}
	if err := (broker.Config{Brokers: []string{"[::1]:9092", "kafka:9092"}}).Validate(); err != nil {
		t.Errorf("good configuration: %v", err)
	}
	if err := (broker.Config{}).Validate(); err == nil {
		t.Error("no brokers: no fault")
	}
}

func TestSaramaConfigIsAccepted(t *testing.T) {
	t.Parallel()
	if err := broker.SaramaConfig(broker.Config{}).Validate(); err != nil {
		t.Fatal(err)
	}
}

func testTopics(t *testing.T) []topics.Topic {
	t.Helper()
	vote, _ := topics.Lookup(topics.VoteCast)
	letters, _ := topics.Lookup(topics.DLQFailed)
	vote.Name, letters.Name = unique("vote"), unique("letters")
	return []topics.Topic{vote, letters}
}

func TestEnsureTopicsCreatesOnceAmongMany(t *testing.T) {
	t.Parallel()
	cfg := cluster(t)
	catalogue := testTopics(t)
	var wg sync.WaitGroup
	for range 4 {
		client := open(t, cfg)
		wg.Go(func() {
			if err := broker.EnsureTopics(t.Context(), client, cfg, catalogue); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	client := open(t, cfg)
	ids, err := broker.TopicIDs(t.Context(), client, []string{catalogue[0].Name, catalogue[1].Name})
	if err != nil || len(ids) != 2 || ids[catalogue[0].Name] == ids[catalogue[1].Name] || ids[catalogue[0].Name] == "" {
		t.Errorf("topic ids: %v %v", ids, err)
	}
	drift, err := broker.ConfigDrift(t.Context(), client, catalogue)
	if err != nil || len(drift) != 0 {
		t.Errorf("drift of new topics: %v %v", drift, err)
	}
	catalogue[0].Retention = time.Hour
	drift, err = broker.ConfigDrift(t.Context(), client, catalogue)
	if err != nil || len(drift) != 1 || !strings.Contains(drift[0], "retention.ms") {
		t.Errorf("drift of retention: %v %v", drift, err)
	}
	var said bytes.Buffer
	err = broker.PrepareTopics(t.Context(), client, cfg, catalogue, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil || strings.Count(said.String(), "level=WARN") != 1 || !strings.Contains(said.String(), "retention.ms") {
		t.Errorf("prepared: %v, said %q", err, said.String())
	}
}

// Who stamps a topic's records is said when it is created: the time at which a
// vote was accepted is the log's (SEMANTICS 11).
func TestTopicsAreStampedByTheLogWhereTheCatalogueSaysSo(t *testing.T) {
	t.Parallel()
	cfg := cluster(t)
	client := open(t, cfg)
	catalogue := testTopics(t)
	catalogue[1].LogAppendTime = false
	if err := broker.EnsureTopics(t.Context(), client, cfg, catalogue); err != nil {
		t.Fatal(err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client) // closes with the client
	if err != nil {
		t.Fatal(err)
	}
	const setting = "message.timestamp.type"
	for i, want := range []string{"LogAppendTime", "CreateTime"} {
		told, err := admin.DescribeConfigs([]*sarama.ConfigResource{
			{Type: sarama.TopicResource, Name: catalogue[i].Name, ConfigNames: []string{setting}},
		}, sarama.DescribeConfigsOptions{})
		if err != nil || len(told) != 1 || len(told[0].Configs) != 1 || told[0].Configs[0].Value != want {
			t.Errorf("%s of %s: %v, %v; want %s", setting, catalogue[i].Name, told, err, want)
		}
	}
}

func TestEnsureTopicsRefusesAnotherPartitionCount(t *testing.T) {
	t.Parallel()
	cfg := cluster(t)
	client := open(t, cfg)
	catalogue := testTopics(t)
	if err := broker.EnsureTopics(t.Context(), client, cfg, catalogue); err != nil {
		t.Fatal(err)
	}
	cfg.Scale, cfg.ReplicationFactor = broker.ScaleProd, 1
	err := broker.EnsureTopics(t.Context(), client, cfg, catalogue)
	if err == nil || !strings.Contains(err.Error(), catalogue[0].Name+" has 12 partitions") || !strings.Contains(err.Error(), catalogue[1].Name) {
		t.Errorf("refusal: %v", err)
	}
}

func TestTopicIDsOfAnUnknownTopic(t *testing.T) {
	t.Parallel()
	client := open(t, cluster(t))
	if ids, err := broker.TopicIDs(t.Context(), client, []string{unique("nothing")}); err == nil {
		t.Errorf("ids of an unknown topic: %v", ids)
	}
}

// produce writes n records to a partition and answers the topic.
func produce(t *testing.T, client sarama.Client, cfg broker.Config, partition int32, n int) string {
	t.Helper()
	catalogue := testTopics(t)[:1]
	if err := broker.EnsureTopics(t.Context(), client, cfg, catalogue); err != nil {
		t.Fatal(err)
	}
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{
			Topic: catalogue[0].Name, Partition: partition, Value: sarama.StringEncoder(fmt.Sprint(i)),
			Headers: []sarama.RecordHeader{{Key: []byte(record.HeaderEventID), Value: []byte{byte(i)}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := producer.Close(); err != nil {
		t.Fatal(err)
	}
	return catalogue[0].Name
}

func TestOffsets(t *testing.T) {
	t.Parallel()
	cfg := cluster(t)
	client := open(t, cfg)
	topic := produce(t, client, cfg, 3, 7)
	ranges, err := broker.Offsets(t.Context(), client, topic)
	if err != nil || len(ranges) != 12 {
		t.Fatal(ranges, err)
	}
	for i, r := range ranges {
		want := broker.Range{Partition: int32(i)}
		if i == 3 {
			want.Next = 7
		}
		if r != want {
			t.Errorf("range %+v, want %+v", r, want)
		}
	}
}

func TestReadRange(t *testing.T) {
	t.Parallel()
	cfg := cluster(t)
	client := open(t, cfg)
	topic := produce(t, client, cfg, 3, 7)
	for _, tc := range []struct {
		name      string
		partition int32
		from, to  int64
		want      []string
	}{
		{"all", 3, 0, 7, []string{"0", "1", "2", "3", "4", "5", "6"}},
		{"inner", 3, 2, 4, []string{"2", "3"}},
		{"beyond the end", 3, 5, 100, []string{"5", "6"}},
		{"from the end", 3, 7, 100, nil},
		{"from beyond the end", 3, 50, 100, nil},
		{"nothing", 3, 4, 4, nil},
		{"empty partition", 0, 0, 100, nil},
	} {
		var got []string
		err := broker.ReadRange(t.Context(), client, topic, tc.partition, tc.from, tc.to, func(r *record.Record) error {
			if id, _ := r.Get(record.HeaderEventID); r.Topic != topic || id != string([]byte{byte(r.Offset)}) || r.Timestamp.IsZero() {
				t.Errorf("%s: record %+v", tc.name, r)
			}
			got = append(got, string(r.Value))
			return nil
		})
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v %v, want %v", tc.name, got, err, tc.want)
		}
	}
}

func TestReadRangeEndsWithItsContextAndItsFunction(t *testing.T) {
	t.Parallel()
	cfg := cluster(t)
	client := open(t, cfg)
	topic := produce(t, client, cfg, 0, 5)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := broker.ReadRange(ctx, client, topic, 0, 0, 5, func(*record.Record) error { calls++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("cancelled: %v after %d records", err, calls)
	}
	stop := fmt.Errorf("enough")
	err = broker.ReadRange(t.Context(), client, topic, 0, 0, 5, func(*record.Record) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("stopped: %v", err)
	}
}

// Control records take offsets that no reader sees; the range ends all the same
// where they are its last.
func TestReadRangePassesOverControlRecords(t *testing.T) {
	t.Parallel()
	cfg := cluster(t)
	client := open(t, cfg)
	topic := produce(t, client, cfg, 0, 1)
	conf := broker.SaramaConfig(cfg)
	conf.Producer.Transaction.ID = unique("txn")
	producer, err := sarama.NewSyncProducer(cfg.Brokers, conf)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := producer.BeginTxn(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("t")}); err != nil {
			t.Fatal(err)
		}
		if err := producer.CommitTxn(); err != nil {
			t.Fatal(err)
		}
	}
	if err := producer.Close(); err != nil {
		t.Fatal(err)
	}
	var got []int64
	err = broker.ReadRange(t.Context(), client, topic, 0, 0, 5, func(r *record.Record) error {
		got = append(got, r.Offset)
		return nil
	})
	if err != nil || !slices.Equal(got, []int64{0, 1, 3}) {
		t.Errorf("offsets %v, %v", got, err)
	}
}

func TestReadRangeSaysWhatRetentionHasTaken(t *testing.T) {
	t.Parallel()
	cfg := cluster(t)
	client := open(t, cfg)
	topic := produce(t, client, cfg, 3, 7)
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.DeleteRecords(topic, map[int32]int64{3: 4}); err != nil {
		t.Fatal(err)
	}
	ranges, err := broker.Offsets(t.Context(), client, topic)
	if err != nil || ranges[3] != (broker.Range{Partition: 3, First: 4, Next: 7}) {
		t.Errorf("ranges %v %v", ranges, err)
	}
	ignore := func(*record.Record) error { return nil }
	if err := broker.ReadRange(t.Context(), client, topic, 3, 3, 7, ignore); !errors.Is(err, broker.ErrOffsetGone) || !strings.Contains(err.Error(), "begins at 4") {
		t.Errorf("from before the log: %v", err)
	}
	if err := broker.ReadRange(t.Context(), client, topic, 3, 4, 7, ignore); err != nil {
		t.Errorf("from its begin: %v", err)
	}
}

// A consumer and ReadRange answer the same record.
func TestRecordOfAConsumerMessage(t *testing.T) {
	t.Parallel()
	cfg := cluster(t)
	client := open(t, cfg)
	topic := produce(t, client, cfg, 3, 1)
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = consumer.Close() }()
	claim, err := consumer.ConsumePartition(topic, 3, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = claim.Close() }()
	message := <-claim.Messages()
	err = broker.ReadRange(t.Context(), client, topic, 3, 0, 1, func(r *record.Record) error {
		if diff := cmp.Diff(r, broker.Record(message)); diff != "" {
			t.Error(diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
