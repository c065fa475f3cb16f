package publish_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// gate holds produce requests at the broker until it is opened.
type gate struct {
	arrived chan struct{}
	opened  chan struct{}
	once    sync.Once
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// hold makes the broker keep the next produce request. The gate opens at the
// end of the test at the latest, so that what waits can end.
func hold(t *testing.T, c *kfake.Cluster) *gate {
	t.Helper()
	g := &gate{arrived: make(chan struct{}, 1), opened: make(chan struct{})}
	t.Cleanup(g.open)
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		g.arrived <- struct{}{}
		c.DropControl()
		c.SleepControl(func() { <-g.opened })
		return nil, nil, false
	})
	return g
}

// refuse makes the broker answer the next produce request with an error.
func refuse(c *kfake.Cluster, code int16) {
	c.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		produce := request.(*kmsg.ProduceRequest)
		response := produce.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range produce.Topics {
			answer := kmsg.NewProduceResponseTopic()
			answer.Topic, answer.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				partition := kmsg.NewProduceResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, code
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
		return response, nil, true
	})
}

func TestACallerThatGivesUpIsToldItIsIndefinite(t *testing.T) {
	t.Parallel()
	c, cfg := embedded(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	held := hold(t, c)
	ctx, cancel := context.WithCancelCause(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := p.PublishRecord(ctx, name, []byte("k"), []byte("v"), nil)
		result <- err
	}()
	<-held.arrived
	hungUp := errors.New("the client hung up")
	cancel(hungUp)
	err := <-result
	if !errors.Is(err, publish.ErrIndefinite) || !errors.Is(err, publish.ErrUnavailable) || !errors.Is(err, hungUp) || failure.ClassOf(err) != failure.Outage {
		t.Errorf("given up: %v", err)
	}
	held.open()
	// It was in the log all the same: the next record of the key comes after it.
	ack, err := p.PublishRecord(t.Context(), name, []byte("k"), []byte("w"), nil)
	if err != nil || ack.Offset != 1 {
		t.Errorf("after it: %+v %v", ack, err)
	}
}

func TestACallerWhoseContextEndedBeforeSendsNothing(t *testing.T) {
	t.Parallel()
	c, cfg := embedded(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		t.Error("a record was sent")
		return nil, nil, false
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		_, err := p.PublishRecord(ctx, name, nil, []byte("v"), nil)
		if !errors.Is(err, publish.ErrUnavailable) || errors.Is(err, publish.ErrIndefinite) || !errors.Is(err, context.Canceled) {
			t.Fatalf("ended before: %v", err)
		}
	}
}

func TestBeyondTheBoundCallersAreRefused(t *testing.T) {
	t.Parallel()
	for _, bound := range []publish.Config{{MaxInFlightRecords: 1}, {MaxInFlightBytes: 1999}} {
		c, cfg := embedded(t)
		name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
		p := publisher(t, cfg, bound)
		held := hold(t, c)
		first := make(chan error, 1)
		go func() {
			_, err := p.PublishRecord(t.Context(), name, nil, make([]byte, 1000), nil)
			first <- err
		}()
		<-held.arrived
		_, err := p.PublishRecord(t.Context(), name, nil, make([]byte, 1000), nil)
		if !errors.Is(err, publish.ErrOverloaded) || !errors.Is(err, publish.ErrUnavailable) || errors.Is(err, publish.ErrIndefinite) {
			t.Errorf("one too many: %v", err)
		}
		held.open()
		if err := <-first; err != nil {
			t.Error(err)
		}
		if _, err := p.PublishRecord(t.Context(), name, nil, make([]byte, 3000), nil); err != nil {
			t.Errorf("with nothing else in flight: %v", err)
		}
	}
}

// Each of these answers ends the producer's identity; the publisher goes on
// under a new one, and what it acknowledges is in the log.
func TestASpentProducerIsReplaced(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]int16{
		"OUT_OF_ORDER_SEQUENCE_NUMBER": 45, "INVALID_PRODUCER_EPOCH": 47, "UNKNOWN_PRODUCER_ID": 59, "PRODUCER_FENCED": 90,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, cfg := embedded(t)
			name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
			p := publisher(t, cfg, publish.Config{})
			if _, err := p.PublishRecord(t.Context(), name, []byte("k"), []byte("0"), nil); err != nil {
				t.Fatal(err)
			}
			renewed := make(chan struct{})
			c.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
				close(renewed)
				c.DropControl()
				return nil, nil, false
			})
			refuse(c, code)
			if _, err := p.PublishRecord(t.Context(), name, []byte("k"), []byte("1"), nil); !errors.Is(err, publish.ErrIndefinite) {
				t.Fatalf("refused: %v", err)
			}
			<-renewed
			for n := range int64(3) {
				ack, err := p.PublishRecord(t.Context(), name, []byte("k"), []byte("2"), nil)
				if err != nil || ack.Offset != n+1 {
					t.Fatalf("after it: %+v %v", ack, err)
				}
			}
		})
	}
}

// A refusal that passes by itself is retried, and no caller hears of it.
func TestALeaderThatMovesIsRetried(t *testing.T) {
	t.Parallel()
	c, cfg := embedded(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	const notLeader = 6
	refuse(c, notLeader)
	refuse(c, notLeader)
	for n := range int64(3) {
		ack, err := p.PublishRecord(t.Context(), name, []byte("k"), []byte("v"), nil)
		if err != nil || ack.Offset != n {
			t.Fatalf("%+v %v", ack, err)
		}
	}
}

// The broker has the batch of an attempt whose answer was lost, and no longer
// knows its offsets: no ack can be made up.
func TestADuplicateAtAnUnknownOffsetIsIndefinite(t *testing.T) {
	t.Parallel()
	c, cfg := embedded(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	const duplicateSequence = 46
	refuse(c, duplicateSequence)
	ack, err := p.PublishRecord(t.Context(), name, []byte("k"), []byte("v"), nil)
	if !errors.Is(err, publish.ErrIndefinite) {
		t.Errorf("%+v %v", ack, err)
	}
}

func TestCloseAwaitsAcks(t *testing.T) {
	t.Parallel()
	c, cfg := embedded(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	held := hold(t, c)
	published, closed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := p.PublishRecord(t.Context(), name, nil, []byte("v"), nil)
		published <- err
	}()
	<-held.arrived
	go func() { closed <- p.Close() }()
	for { // Until closing has begun, records are still taken.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, err := p.PublishRecord(ctx, name, nil, []byte("late"), nil)
		cancel()
		if errors.Is(err, publish.ErrClosed) {
			break
		}
	}
	select {
	case err := <-closed:
		t.Fatalf("closed before the ack: %v", err)
	default:
	}
	held.open()
	if err := <-published; err != nil {
		t.Errorf("outstanding: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

func TestCloseGivesUpAfterItsTimeout(t *testing.T) {
	t.Parallel()
	c, cfg := embedded(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{CloseTimeout: 20 * time.Millisecond})
	held := hold(t, c)
	published := make(chan error, 1)
	go func() {
		_, err := p.PublishRecord(t.Context(), name, nil, []byte("v"), nil)
		published <- err
	}()
	<-held.arrived
	if err := p.Close(); err == nil || !strings.Contains(err.Error(), "1 acks are still outstanding") {
		t.Errorf("Close: %v", err)
	}
	if err := <-published; !errors.Is(err, publish.ErrIndefinite) || !errors.Is(err, publish.ErrClosed) {
		t.Errorf("outstanding: %v", err)
	}
}

// A topic whose own bound is lower than the producer's refuses whole batches:
// none of their records is at fault.
func TestATopicWithALowerBoundIsUnavailable(t *testing.T) {
	t.Parallel()
	c, cfg := embedded(t)
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	const messageTooLarge = 10
	refuse(c, messageTooLarge)
	_, err := p.PublishRecord(t.Context(), name, nil, []byte("v"), nil)
	if !errors.Is(err, publish.ErrUnavailable) || errors.Is(err, publish.ErrIndefinite) || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("%v", err)
	}
	_, err = p.PublishRecord(t.Context(), name, nil, nil, make([]record.Header, 200_000))
	if !errors.Is(err, publish.ErrTooLarge) {
		t.Errorf("framing alone: %v", err)
	}
	if records, bytes := p.InFlight(); records != 0 || bytes != 0 {
		t.Errorf("%d records, %d bytes in flight after the last answer", records, bytes)
	}
}

// While no broker answers, records wait unsent and their contexts end in a
// definite answer; once one is back, they go on at once.
func TestPublishingGoesOnWhenTheBrokerIsBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	cfg := broker.Config{Brokers: c.ListenAddrs()}
	name := topic(t, dial(t, cfg), cfg, topics.DLQFailed)
	p := publisher(t, cfg, publish.Config{})
	if _, err := p.PublishRecord(t.Context(), name, []byte("k"), []byte("before"), nil); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := p.PublishRecord(t.Context(), name, []byte("k"), []byte("lost"), nil); !errors.Is(err, publish.ErrUnavailable) {
		t.Fatalf("away: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = p.PublishRecord(ctx, name, []byte("k"), []byte("unsent"), nil)
	if !errors.Is(err, publish.ErrUnavailable) || errors.Is(err, publish.ErrIndefinite) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("unsent: %v", err)
	}
	_, port, _ := net.SplitHostPort(cfg.Brokers[0])
	number, _ := strconv.Atoi(port)
	c, err = kfake.NewCluster(kfake.Ports(number), kfake.DataDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ack, err := p.PublishRecord(t.Context(), name, []byte("k"), []byte("after"), nil)
	if err != nil || ack.Offset < 1 || ack.Offset > 2 {
		t.Errorf("back: %+v %v", ack, err)
	}
}
