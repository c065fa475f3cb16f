package publish_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// numbered are records of several keys, numbered.
func numbered(from, n, size int) []record.Record {
	out := make([]record.Record, n)
	for i := range out {
		out[i] = record.Record{
			Key: []byte(strconv.Itoa(i % 7)), Value: append([]byte(strconv.Itoa(from+i)+" "), make([]byte, size)...),
			Headers: []record.Header{{Key: "h", Value: []byte("v")}},
		}
	}
	return out
}

// readKeys answers the numbers of each key in the log's order.
func readKeys(t *testing.T, client sarama.Client, topic string) map[string][]int {
	t.Helper()
	ranges, err := broker.Offsets(t.Context(), client, topic)
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string][]int)
	for _, r := range ranges {
		err := broker.ReadRange(t.Context(), client, topic, r.Partition, r.First, r.Next, func(rec *record.Record) error {
			var n int
			_, err := fmt.Sscan(string(rec.Value[:10]), &n)
			if h, ok := rec.Get("h"); !ok || h != "v" {
				t.Errorf("headers %v", rec.Headers)
			}
			keys[string(rec.Key)] = append(keys[string(rec.Key)], n)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

// Runs that need several batches keep the order of each key and land where the
// publisher puts the key.
func TestAWriterKeepsTheOrderOfKeys(t *testing.T) {
	t.Parallel()
	cfg := brokers(t)
	client := dial(t, cfg)
	name := topic(t, client, cfg, topics.DLQFailed)
	w := publish.NewWriter(dial(t, cfg))
	const n, size = 400, 20_000 // More than a batch for each key's partition.
	for _, from := range []int{0, n} {
		writeAll(t, w, name, numbered(from, n, size))
	}
	got := readKeys(t, client, name)
	total := 0
	for key, numbers := range got {
		total += len(numbers)
		if !slices.IsSorted(numbers) {
			t.Errorf("key %s: %v", key, numbers)
		}
	}
	if total != 2*n {
		t.Errorf("%d records of %d", total, 2*n)
	}
	ack, err := publisher(t, cfg, publish.Config{}).PublishRecord(t.Context(), name, []byte("3"), []byte("-1        "), []record.Header{{Key: "h", Value: []byte("v")}})
	if err != nil || ack.Offset == 0 {
		t.Errorf("the publisher puts the key elsewhere: %+v %v", ack, err)
	}
}

// writeAll writes what was refused again, as a relay does: the leaders of a topic
// that was just made may not know of it yet.
func writeAll(t *testing.T, w *publish.Writer, topic string, records []record.Record) {
	t.Helper()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for tries := 0; len(records) > 0; tries++ {
		var refused []record.Record
		for i, err := range w.Write(t.Context(), topic, records) {
			switch {
			case err == nil:
			case errors.Is(err, sarama.ErrNotLeaderForPartition) && tries < 200:
				refused = append(refused, records[i])
			default:
				t.Fatalf("%d: %v", i, err)
			}
		}
		if records = refused; len(records) > 0 {
			<-pause.C
		}
	}
}

// Where a batch fails, nothing of its partition is sent behind it, and the error
// says for whom it holds.
func TestAWriterStopsBehindAFailure(t *testing.T) {
	t.Parallel()
	c, cfg := embedded(t)
	client := dial(t, cfg)
	name := topic(t, client, cfg, topics.DLQFailed)
	w := publish.NewWriter(dial(t, cfg))
	refuse(c, kerr.NotEnoughReplicas.Code)
	records := numbered(0, 400, 20_000)
	failed := 0
	for _, err := range w.Write(t.Context(), name, records) {
		if err != nil {
			failed++
			if !errors.Is(err, publish.ErrUnavailable) || !errors.Is(err, sarama.ErrNotEnoughReplicas) {
				t.Fatal(err)
			}
		}
	}
	// The first request has a batch of each partition: all of them failed.
	if got := readKeys(t, client, name); failed != len(records) || len(got) != 0 {
		t.Errorf("%d of %d failed, the log has %v", failed, len(records), got)
	}
	for i, err := range w.Write(t.Context(), name, records) {
		if err != nil {
			t.Fatalf("%d, again: %v", i, err)
		}
	}
}

// A context that ends leaves the answer open: the record may be in the log.
func TestAWriterGivesUpIndefinitely(t *testing.T) {
	t.Parallel()
	c, cfg := embedded(t)
	client := dial(t, cfg)
	name := topic(t, client, cfg, topics.DLQFailed)
	w := publish.NewWriter(dial(t, cfg))
	held := hold(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan []error)
	go func() { done <- w.Write(ctx, name, numbered(0, 1, 1)) }()
	<-held.arrived
	cancel()
	if errs := <-done; !errors.Is(errs[0], publish.ErrIndefinite) || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("given up: %v", errs)
	}
	if errs := w.Write(ctx, name, numbered(0, 1, 1)); !errors.Is(errs[0], publish.ErrUnavailable) || errors.Is(errs[0], publish.ErrIndefinite) {
		t.Errorf("ended before: %v", errs)
	}
	held.open()
	// The connection's next answer comes behind it.
	if errs := w.Write(t.Context(), name, numbered(1, 1, 1)); errs[0] != nil {
		t.Errorf("afterwards: %v", errs)
	}
}
