package faults_test

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/tests/faults/reconcile"
)

// newEvent is event number sequence of an instance's key.
func newEvent(instance, key string, sequence int) reconcile.Event {
	id := record.EventID("faults", instance, key, strconv.Itoa(sequence))
	return reconcile.Event{ID: id.String(), Instance: instance, Key: key, Sequence: sequence}
}

// poisoned events are dead-lettered at once, flaky ones fail once.
func poisoned(e reconcile.Event) bool { return e.Sequence%50 == 7 }
func flaky(e reconcile.Event) bool    { return e.Sequence%50 == 13 }

// published is the event as it is published: its value names it once more, so
// that content and id are compared in the end.
func published(topic string, e reconcile.Event) publish.Event {
	return publish.Event{
		Topic: topic, Key: []byte(e.Key), ID: record.EventID("faults", e.Instance, e.Key, strconv.Itoa(e.Sequence)),
		Message: wrapperspb.String(fmt.Sprintf("%s/%s/%d", e.Instance, e.Key, e.Sequence)),
	}
}

// read is the event that a record carries.
func read(r *record.Record) (reconcile.Event, error) {
	var value wrapperspb.StringValue
	if err := proto.Unmarshal(r.Value, &value); err != nil {
		return reconcile.Event{}, err
	}
	id, _ := r.Get(record.HeaderEventID)
	parts := strings.Split(value.GetValue(), "/")
	if len(parts) != 3 {
		return reconcile.Event{}, fmt.Errorf("value %q", value.GetValue())
	}
	sequence, err := strconv.Atoi(parts[2])
	return reconcile.Event{ID: id, Instance: parts[0], Key: parts[1], Sequence: sequence}, err
}
