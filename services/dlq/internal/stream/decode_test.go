package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/letter"
)

func at(second int) time.Time { return time.Date(2026, 11, 21, 8, 0, second, 123_000_000, time.UTC) }

func header(key, value string) record.Header { return record.Header{Key: key, Value: []byte(value)} }

// envelope is a record as another framework writes it into its dead letters.
func envelope(headers ...record.Header) *record.Record {
	return &record.Record{
		Topic: "orders.DLT", Partition: 2, Offset: 40, Key: []byte("order-7"), Value: []byte(`{"orderId":"7"}`),
		Headers: headers, Timestamp: at(30),
	}
}

// ours is a letter that the backbone wrote, and what it writes when the replay
// of its record fails again.
func ours() (first, again *record.Record) {
	l := deadletter.Letter{
		Record: &record.Record{
			Topic: topics.VoteCast, Partition: 7, Offset: 4711, Key: []byte("final/3"), Value: []byte{0xff, 0x00}, Timestamp: at(0),
			Headers: []record.Header{
				header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
				header(record.HeaderEventID, "0190b5a4-7c1e-5d2f-8a3b-1c2d3e4f5a6b"), header(record.HeaderEventType, "floodgate.vote.v1.VoteCast"),
			},
		},
		Group: topics.GroupVoteTally, Err: failure.As(failure.Undecodable, "BAD_PROTOBUF", errors.New("unexpected EOF at byte 2")),
		Deliveries: 1, FirstFailedAt: at(1), LastFailedAt: at(2),
	}
	first = &record.Record{Topic: topics.DLQFailed, Offset: 9, Key: deadletter.Key("vote", l.Record.Key), Value: l.Record.Value, Headers: deadletter.Headers("vote", l), Timestamp: at(3)}
	replayed := *l.Record
	replayed.Topic, replayed.Partition, replayed.Offset = topics.Replay(topics.VoteCast, topics.GroupVoteTally), 1, 5
	replayed.Headers = slices.Concat(first.Headers, []record.Header{header(record.HeaderReplayID, "r1"), header(record.HeaderAttempt, "1")})
	l.Record, l.Deliveries, l.LastFailedAt, l.Indefinite = &replayed, 3, at(60), true
	l.Err = failure.As(failure.Retryable, "SQL", errors.New("panic: index out of range\ngoroutine 7 [running]:\nruntime.gopanic(0x1)\n\t/go/panic.go:1\n"+
		"floodgate.internal/services/vote/internal/casting.(*Books).Record(0xc000)\n\t/src/books.go:1"))
	again = &record.Record{Topic: topics.DLQFailed, Offset: 10, Key: first.Key, Value: first.Value, Headers: deadletter.Headers("vote", l), Timestamp: at(61)}
	return first, again
}

func javaStack() string {
	return "org.springframework.kafka.listener.ListenerExecutionFailedException: Listener failed\n" +
		"\tat org.springframework.kafka.listener.KafkaMessageListenerContainer.invoke(KafkaMessageListenerContainer.java:2873)\n" +
		"\tat java.base/java.lang.Thread.run(Thread.java:840)\n\tat com.example.orders.BillingListener.onOrder(BillingListener.java:42)\n"
}

// dialects are a letter of each, by the name of its golden.
func dialects() map[string]*record.Record {
	first, again := ours()
	reported := &record.Record{
		Topic: topics.DLQFailed, Offset: 11, Key: []byte("web/final/3"), Value: []byte{0x0a, 0x01, 'f'}, Timestamp: at(4),
		Headers: deadletter.ReportHeaders(deadletter.Report{
			Service: "web", Topic: topics.VoteCast, EventID: "0190b5a4-7c1e-5d2f-8a3b-1c2d3e4f5a6b", EventType: "floodgate.vote.v1.VoteCast",
			Class: "HTTP_504", Message: "gateway timeout", OccurredAt: at(0),
		}),
	}
	return map[string]*record.Record{
		"floodgate": first, "floodgate-replayed": again, "floodgate-report": reported,
		"spring": envelope(header(springTopic, "orders"), header(springPartition, "\x00\x00\x00\x05"), header(springOffset, "\x00\x00\x00\x00\x00\x00\x01\x02"),
			header("kafka_dlt-original-timestamp", "\x00\x00\x01\x9a\xa5\x00\x00\x00"), header("kafka_dlt-original-timestamp-type", "CreateTime"),
			header(springGroup, "billing"), header(springException, "org.springframework.kafka.listener.ListenerExecutionFailedException"),
			header(springCause, "com.example.orders.UnknownCustomerException"), header(springMessage, "Listener failed; customer 4711 is unknown"),
			header(springStacktrace, javaStack()), header(springDelivery, "\x00\x00\x00\x03")),
		"spring-without-origin": envelope(header(springException, "java.lang.IllegalStateException"), header(springMessage, "broken")),
		"spring-retried": envelope(header("kafka_original-topic", "orders"), header("kafka_original-partition", "\x00\x00\x00\x05"), header("kafka_original-offset", "\x00\x00\x00\x00\x00\x00\x01\x02"),
			header("kafka_original-timestamp", "\x00\x00\x01\x9a\xa5\x00\x00\x00"), header("kafka_original-timestamp-type", "CreateTime"), header("kafka_original-consumer-group", "billing"),
			header("retry_topic-attempts", "\x00\x00\x00\x04"), header("retry_topic-original-timestamp", "\x00\x00\x01\x9a\xa5\x00\x00\x00"),
			header("kafka_exception-fqcn", "org.springframework.kafka.listener.ListenerExecutionFailedException"),
			header("kafka_exception-cause-fqcn", "com.example.orders.UnknownCustomerException"), header("kafka_exception-message", "Listener failed; customer 4711 is unknown"),
			header("kafka_exception-stacktrace", javaStack())),
		"connect": envelope(header(connectTopic, "orders"), header(connectPartition, "5"), header(connectOffset, "258"),
			header(connectConnector, "orders-sink"), header("__connect.errors.task.id", "0"), header(connectStage, "VALUE_CONVERTER"),
			header("__connect.errors.class.name", "org.apache.kafka.connect.json.JsonConverter"),
			header(connectException, "org.apache.kafka.connect.errors.DataException"), header(connectMessage, "Converting byte[] to Kafka Connect data failed\nat 1"),
			header(connectStacktrace, javaStack())),
		"unknown": {Topic: "legacy.errors", Partition: 1, Offset: 3, Value: []byte{0xff, 0xfe}, Headers: []record.Header{header(record.HeaderEventID, "someone's"), {Key: "x", Value: []byte{0x00, 0xff}}}, Timestamp: at(5)},
	}
}

// What is read of each dialect is pinned: rows of these forms are in somebody's
// database, and their ids must be found again. A change is made on purpose, with
// UPDATE_GOLDEN=1, beside the old golden.
func TestDialectsGolden(t *testing.T) {
	t.Parallel()
	for name, r := range dialects() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := Decode(r, "topic-id/0")
			got, err := json.MarshalIndent(struct {
				letter.Failure
				Stack   string
				Carried bool
				Key     string
				Value   []byte
			}{l.Failure, l.Stack, l.Carried, string(l.Record.Key), l.Value}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			file := filepath.Join("testdata", name+".v1.golden")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("read as\n%s\nwant\n%s", got, want)
			}
			if len(l.Headers) != len(r.Headers) || !bytes.Equal(l.Value, r.Value) {
				t.Errorf("kept %d headers of %d, %d bytes of %d", len(l.Headers), len(r.Headers), len(l.Value), len(r.Value))
			}
		})
	}
}

// One event's letters in one group are one failure, a report's another.
func TestIdsOfLetters(t *testing.T) {
	t.Parallel()
	d := dialects()
	id := func(name string) string { return Decode(d[name], "s").ID }
	if id("floodgate") != id("floodgate-replayed") {
		t.Error("a replay that fails again is another failure")
	}
	if id("floodgate") == id("floodgate-report") {
		t.Error("a client's report is a group's failure")
	}
	if want := ID(&letter.Failure{EventID: "0190b5a4-7c1e-5d2f-8a3b-1c2d3e4f5a6b"}, nil); id("floodgate-report") != want {
		t.Errorf("a report's id is %s, its client was told %s", id("floodgate-report"), want)
	}
}

// Whatever comes is a letter that the store takes, with the record whole.
func FuzzDecode(f *testing.F) {
	for _, r := range dialects() {
		for _, h := range r.Headers {
			f.Add(r.Key, r.Value, h.Key, h.Value, record.HeaderErrorGroup, []byte("g"))
		}
	}
	f.Fuzz(func(t *testing.T, key, value []byte, name1 string, value1 []byte, name2 string, value2 []byte) {
		r := &record.Record{Topic: "t", Partition: 1, Offset: 2, Key: key, Value: value, Timestamp: at(0), Headers: []record.Header{{Key: name1, Value: value1}, {Key: name2, Value: value2}}}
		l := Decode(r, "s/1")
		for _, text := range []string{l.Service, l.Topic, l.Group, l.Failure.Key, l.EventID, l.EventType, l.Class, l.Reason, l.Message, l.TraceID, l.Stack} {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				t.Errorf("text %q", text)
			}
		}
		if l.ID == "" || l.Attempts < 1 || l.Partition < letter.NoPlace || l.Offset < letter.NoPlace || l.FirstFailedAt > l.LastFailedAt || l.Class == "" {
			t.Errorf("letter %+v", l.Failure)
		}
		if !bytes.Equal(l.Value, value) || len(l.Headers) != 2 || !bytes.Equal(l.Headers[0].Value, value1) {
			t.Errorf("the record is not whole")
		}
		if again := Decode(r, "s/1"); again.ID != l.ID || again.Fingerprint != l.Fingerprint {
			t.Errorf("read twice, it is another failure")
		}
	})
}

// What is kept is classified as what comes in: else no failure would ever be of
// the version that is looked for.
func TestWhatIsKeptIsClassifiedAsWhatComesIn(t *testing.T) {
	t.Parallel()
	l := Decode(&record.Record{Topic: "orders.DLT", Value: []byte("{}")}, "id/0")
	kinds := Classification()
	if got := kinds.Of(&l.Failure, l.Stack); got != l.Fingerprint || letter.Version(got) != kinds.Version {
		t.Errorf("kind %s, and %s of version %d", l.Fingerprint, got, kinds.Version)
	}
}
