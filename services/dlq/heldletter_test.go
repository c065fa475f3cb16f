package dlq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"floodgate.internal/backbone/alert"
	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
	"floodgate.internal/proto/topics"
)

// dlq.failed takes no letter any more, as somebody has set its largest message
// too low. The group that fails at a record holds it, says so and raises an
// alert; once the setting is mended, the letter is written by itself, whole and
// once, and the alert is cleared.
func TestALetterThatIsRefusedHoldsItsRecord(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w, i := in.writers(), in.start(nil)
	g := &group{name: topics.GroupVoteTally, bad: func(*record.Record) bool { return true }}
	member := in.failing(w, g)
	monitor := in.watched(w, g.name, member)
	w.largestLetter("4000")
	value := make([]byte, 16<<10)                  // nothing that a producer could compress
	_, _ = rand.NewChaCha8([32]byte{}).Read(value) // never fails
	ack, err := w.publisher.PublishRecord(t.Context(), topics.VoteCast, []byte("final/3"), value, []record.Header{
		{Key: record.HeaderEventID, Value: []byte(record.EventID("vote", "held").String())},
	})
	in.must(err)
	in.eventually("the claim holds the letter", func() bool {
		return slices.ContainsFunc(member.Claims(), func(c consume.ClaimState) bool {
			return c.State == consume.StateDeadLetterHeld && c.Claim.Partition == ack.Partition && c.Next <= ack.Offset
		})
	})
	in.eventually("the alert is raised", func() bool {
		return slices.ContainsFunc(monitor.Alerts(), func(a alert.Active) bool { return a.Alert.GetKind() == opsv1.Alert_DEAD_LETTER_HELD })
	})
	if rows := in.all(i, ""); len(rows) != 0 {
		t.Errorf("%d failures of a letter that cannot be written", len(rows))
	}
	w.largestLetter(fmt.Sprint(deadLetterBytes(t)))
	id := slices.Collect(maps.Keys(in.settled(i, "attempts = 1", 1)))[0]
	f, err := i.GetFailure(t.Context(), &dlqv1.GetFailureRequest{FailureId: id})
	in.must(err)
	if f.GetOffset() != ack.Offset || f.GetPartition() != ack.Partition || !bytes.Equal(f.GetPayloadRaw(), value) {
		t.Errorf("failure of %d@%d with %d bytes, want %d@%d with %d", f.GetPartition(), f.GetOffset(), len(f.GetPayloadRaw()), ack.Partition, ack.Offset, len(value))
	}
	in.eventually("the alert is cleared", func() bool { return len(monitor.Alerts()) == 0 })
}

// failing runs a member that reads the source until the test ends.
func (in *installation) failing(w *writers, g *group) *consume.Group {
	in.t.Helper()
	g.in = in
	member, err := consume.NewGroup(consume.Config{
		Group: g.name, Topics: []string{topics.VoteCast}, Retry: consume.Retry{Initial: 10 * time.Millisecond, Max: 100 * time.Millisecond},
	}, broker.Config{Brokers: in.Brokers}, g, deadletter.New("vote", w.publisher), discard())
	in.must(err)
	in.beside(member.Run)
	return member
}

// watched looks at a member until the test ends.
func (in *installation) watched(w *writers, group string, member *consume.Group) *lag.Monitor {
	in.t.Helper()
	board, err := alert.NewBoard(alert.Config{Service: "vote", Log: discard()}, alert.NewLog(w.client, w.publisher))
	in.must(err)
	source, err := lag.NewKafka(w.client)
	in.must(err)
	monitor, err := lag.New(lag.Config{
		Service: "vote", Groups: []lag.Watched{{Group: group, Topics: []string{topics.VoteCast}, Member: member}}, Every: 100 * time.Millisecond,
	}, source, board)
	in.must(err)
	in.beside(board.Run)
	in.beside(monitor.Run)
	return monitor
}

// beside runs something until the test ends.
func (in *installation) beside(run func(context.Context) error) {
	in.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(in.t.Context()))
	var work errgroup.Group
	work.Go(func() error { return run(ctx) })
	in.t.Cleanup(func() {
		cancel()
		if err := work.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			in.t.Error(err)
		}
	})
}

// largestLetter sets how large a message of dlq.failed may be.
func (w *writers) largestLetter(size string) {
	w.t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(w.client)
	w.must(err)
	w.must(admin.IncrementalAlterConfig(sarama.TopicResource, topics.DLQFailed, map[string]sarama.IncrementalAlterConfigsEntry{
		"max.message.bytes": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &size},
	}, false))
}

// deadLetterBytes is how large it may be by the catalogue.
func deadLetterBytes(t *testing.T) int32 {
	t.Helper()
	dead, known := topics.Lookup(topics.DLQFailed)
	if !known || dead.MaxMessageBytes == 0 {
		t.Fatal("the catalogue does not say how large a letter may be")
	}
	return dead.MaxMessageBytes
}
