package spool_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
)

// mode is how the fake Kafka behaves.
type mode string

const (
	up      mode = "up"
	down    mode = "down"    // refuses: the record is not in the log
	lost    mode = "lost"    // takes it, and the answer is lost
	late    mode = "late"    // answers nothing, and takes it when it pleases
	slow    mode = "slow"    // takes it when it is in another mode, and answers whoever still waits
	partial mode = "partial" // takes what is in the even partitions
)

// written is a record in the fake log.
type written struct {
	key, value, instance string
	headers              []record.Header
}

// kafka is a log of one topic per name that behaves as it is told. Safe for
// concurrent use.
type kafka struct {
	mu      sync.Mutex
	mode    mode
	changed chan struct{}
	log     map[string][]written
	zombies []func() // arrive at the next change of mode
	// held answers the next send of a key when and as it is told.
	held map[string]chan error
	// arrived has an element for each send that is held.
	arrived chan struct{}
}

func newKafka() *kafka {
	return &kafka{mode: up, changed: make(chan struct{}), log: make(map[string][]written), held: make(map[string]chan error), arrived: make(chan struct{}, 100)}
}

func (k *kafka) set(m mode) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, arrive := range k.zombies {
		arrive()
	}
	k.zombies = nil
	k.mode = m
	close(k.changed)
	k.changed = make(chan struct{})
}

// late answers how many sends are yet to arrive.
func (k *kafka) late() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.zombies)
}

func (k *kafka) records(topic string) []written {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]written(nil), k.log[topic]...)
}

// take is what becomes of a run of records that must stay together.
func (k *kafka) take(ctx context.Context, topic string, partition int, patience time.Duration, run []written) error {
	k.mu.Lock()
	if answer := k.held[run[0].key]; answer != nil {
		delete(k.held, run[0].key)
		k.mu.Unlock()
		k.arrived <- struct{}{}
		if err := <-answer; err != nil {
			return err
		}
		k.mu.Lock()
	}
	arrive := func() { k.log[topic] = append(k.log[topic], run...) }
	if k.mode == slow {
		changed := k.changed
		k.zombies = append(k.zombies, arrive)
		k.mu.Unlock()
		select {
		case <-changed:
			return nil
		case <-ctx.Done():
			return indefinite(context.Cause(ctx))
		case <-time.After(patience):
			return indefinite(publish.ErrLate)
		}
	}
	defer k.mu.Unlock()
	switch k.mode {
	case down:
		return failure.As(failure.Outage, "DOWN", publish.ErrUnavailable)
	case lost:
		arrive()
		return indefinite(publish.ErrLate)
	case late:
		k.zombies = append(k.zombies, arrive)
		return indefinite(publish.ErrLate)
	case partial:
		if partition%2 == 1 {
			return indefinite(publish.ErrLate)
		}
	case up, slow: // the latter has been dealt with
	}
	arrive()
	return nil
}

func indefinite(err error) error {
	return failure.As(failure.Outage, "LOST", fmt.Errorf("%w: %w", publish.ErrIndefinite, err))
}

// client is an instance's way to the fake Kafka: publisher and writer.
type client struct {
	*kafka
	name string
}

const fakePartitions = 4

// fakePartition places a key, which is a number.
func fakePartition(key []byte) int {
	n, _ := strconv.Atoi(string(key))
	return n % fakePartitions
}

// Publish is publish.Publisher's.
func (c client) Publish(ctx context.Context, e publish.Event) (publish.Ack, error) {
	if ctx.Err() != nil {
		return publish.Ack{}, failure.As(failure.Outage, "ENDED", fmt.Errorf("%w: %w", publish.ErrUnavailable, context.Cause(ctx)))
	}
	r, err := c.Encode(ctx, e)
	if err != nil {
		return publish.Ack{}, err
	}
	patience := e.Patience
	if patience == 0 {
		patience = time.Hour
	}
	err = c.take(ctx, e.Topic, fakePartition(e.Key), patience, []written{c.written(&r)})
	return publish.Ack{AcceptedAt: time.Now().UTC()}, err
}

// Encode is publish.Publisher's.
func (c client) Encode(_ context.Context, e publish.Event) (record.Record, error) {
	value := e.Message.(*wrapperspb.StringValue).GetValue()
	if value == "permanent" {
		return record.Record{}, failure.As(failure.Permanent, "TOO_LARGE", publish.ErrTooLarge)
	}
	return record.Record{Topic: e.Topic, Key: e.Key, Value: []byte(value), Headers: []record.Header{
		{Key: record.HeaderEventID, Value: []byte(e.ID.String())}, {Key: "traceparent", Value: []byte("00-01000000000000000000000000000000-0200000000000000-01")},
	}}, nil
}

func (c client) written(r *record.Record) written {
	return written{key: string(r.Key), value: string(r.Value), instance: c.name, headers: r.Headers}
}

// Write is publish.Writer's.
func (c client) Write(ctx context.Context, topic string, records []record.Record) []error {
	errs := make([]error, len(records))
	for partition := range fakePartitions {
		var run []written
		var places []int
		for i := range records {
			if fakePartition(records[i].Key) == partition {
				run, places = append(run, c.written(&records[i])), append(places, i)
			}
		}
		if len(run) == 0 {
			continue
		}
		err := c.take(ctx, topic, partition, time.Hour, run)
		for _, i := range places {
			errs[i] = err
		}
	}
	return errs
}
