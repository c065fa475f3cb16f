package stream

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"floodgate.internal/backbone/record"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// again is the route of billing's failures, and sink that of a connector's.
func again() redrive.Route {
	return redrive.Route{Topic: "orders", Group: "billing", To: "orders.again", Letters: "orders.again.DLT"}
}

func sink() redrive.Route {
	return redrive.Route{Topic: "orders", Group: "connect-orders-sink", To: "orders", Letters: "connect-dlq"}
}

// foreign is the golden letter of a framework on its way back.
func foreign(name string, to redrive.Route) redrive.Redelivery {
	l := Decode(dialects()[name], "topic-id/0")
	l.Replays, l.Attempts = 2, 7
	r := redrive.Redelivery{Replay: "r2", To: to.To, Failure: l.Failure, Record: l.Record}
	r.Headers = slices.Concat([]letter.Header{{Key: "tenant", Value: []byte("acme")}, {Key: "traceparent", Value: []byte("00-a-b-01")}}, r.Headers,
		[]letter.Header{
			{Key: "retry_topic-attempts", Value: []byte{0, 0, 0, 4}}, {Key: "retry_topic-backoff-timestamp", Value: []byte("x")},
			{Key: "springDeserializerExceptionValue", Value: []byte{0xac, 0xed}}, {Key: "kafka_original-topic", Value: []byte("orders")},
			{Key: "kafka_exception-message", Value: []byte("bad")}, {Key: "kafka_correlationId", Value: []byte("kept")},
		})
	return r
}

// What goes back to another framework is pinned: its letters carry it, and are
// known by it.
func TestForeignReplayIsPinned(t *testing.T) {
	t.Parallel()
	for name, route := range map[string]redrive.Route{"spring": again(), "connect": sink()} {
		var to topic
		r := foreign(name, route)
		if _, _, err := NewPublisher(&to).Redeliver(t.Context(), r); err != nil || to.name != route.To || string(to.key) != "order-7" {
			t.Fatalf("%s %s: %v", to.name, to.key, err)
		}
		want := [][2]string{
			{"tenant", "acme"}, {"traceparent", "00-a-b-01"}, {"kafka_correlationId", "kept"},
			{"fg-replay-id", "r2"}, {"fg-failure-id", r.ID}, {"fg-attempt", "2"},
			{"__dlq.errors.topic", "orders"}, {"__dlq.errors.partition", "5"}, {"__dlq.errors.offset", "258"}, {"__dlq.errors.group", route.Group},
			{"__dlq.errors.delivery.count", "7"}, {"fg-dlq-first-failed-at", "2026-11-21T08:00:30.123Z"},
		}
		if diff := cmp.Diff(want, pairs(to.headers)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// failedAgain is a letter of a replayed record, as its framework writes it where it
// fails there: on the replay's topic, at another place.
func failedAgain(t *testing.T, name string, route redrive.Route) *record.Record {
	t.Helper()
	var to topic
	if _, _, err := NewPublisher(&to).Redeliver(t.Context(), foreign(name, route)); err != nil {
		t.Fatal(err)
	}
	r := *dialects()[name]
	r.Topic, r.Partition, r.Offset, r.Timestamp = route.Letters, 1, 77, at(90)
	own := slices.Clone(r.Headers)
	for i, h := range own {
		switch h.Key {
		case springTopic, connectTopic:
			own[i].Value = []byte(route.To)
		case springPartition:
			own[i].Value = []byte{0, 0, 0, 1}
		case springOffset:
			own[i].Value = []byte{0, 0, 0, 0, 0, 0, 0, 9}
		case connectOffset:
			own[i].Value = []byte("9")
		}
	}
	r.Headers = slices.Concat(to.headers, own)
	return &r
}

// A replayed record that fails again is the failure that was replayed, whatever its
// framework says of where, with all its tries; and it is the replay's outcome.
func TestALetterOfAReplayIsTheSameFailure(t *testing.T) {
	t.Parallel()
	for name, route := range map[string]redrive.Route{"spring": again(), "connect": sink()} {
		first := Decode(dialects()[name], "topic-id/0")
		r := failedAgain(t, name, route)
		l := Decode(r, "other-id/1")
		o, is := newSilent([]redrive.Route{again(), sink()}).again(r, &l)
		want := redrive.Outcome{Replay: "r2", Failure: first.ID, Group: route.Group, Failed: true, Detail: first.Message}
		if !is || o != want {
			t.Errorf("%s: outcome %+v, want %+v", name, o, want)
		}
		if l.ID != first.ID || l.Topic != "orders" || l.Partition != 5 || l.Offset != 258 || l.Group != route.Group || l.Class != first.Class || l.Fingerprint != first.Fingerprint {
			t.Errorf("%s: failure %+v, want %+v", name, l.Failure, first.Failure)
		}
		if tries := max(first.Attempts, 1) + 7; l.Attempts != tries || !l.Carried || l.FirstFailedAt != first.FirstFailedAt || l.LastFailedAt != at(90).UnixMicro() {
			t.Errorf("%s: %d attempts of %d, carried: %t, from %d to %d", name, l.Attempts, tries, l.Carried, l.FirstFailedAt, l.LastFailedAt)
		}
	}
}

// What a replay's headers say is somebody's claim, except on the dead-letter topic
// of the very route that they name, of that route's topic and group.
func TestAReplaysHeadersAreBelievedOnItsRouteOnly(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*record.Record) {
		return func(r *record.Record) { r.Headers = record.Set(r.Headers, name, value) }
	}
	without := func(name string) func(*record.Record) {
		return func(r *record.Record) {
			r.Headers = slices.DeleteFunc(slices.Clone(r.Headers), func(h record.Header) bool { return h.Key == name })
		}
	}
	for name, tc := range map[string]struct {
		change func(*record.Record)
		want   bool
	}{
		"as it is":                            {func(*record.Record) {}, true},
		"in another dead-letter topic":        {func(r *record.Record) { r.Topic = "orders.DLT" }, false},
		"of another group":                    {set(springGroup, "shipping"), false},
		"of a topic that nothing goes to":     {set(springTopic, "orders"), false},
		"of a group without a route":          {set(record.HeaderErrorGroup, "shipping"), false},
		"without a replay":                    {without(record.HeaderReplayID), false},
		"without a failure":                   {without(record.HeaderFailureID), false},
		"by an older Spring, without a group": {without(springGroup), true},
	} {
		r := failedAgain(t, "spring", again())
		tc.change(r)
		l := Decode(r, "s/1")
		before := l
		o, is := newSilent([]redrive.Route{again()}).again(r, &l)
		if is != tc.want || is == (o == redrive.Outcome{}) {
			t.Errorf("%s: %+v, %t", name, o, is)
		}
		if !is && (l.ID != before.ID || l.Topic != before.Topic || l.Attempts != before.Attempts || l.Carried != before.Carried) {
			t.Errorf("%s: it was changed to %+v", name, l.Failure)
		}
	}
}

// A framework that adds nothing of its own to a record that fails again is known by
// the topic that it writes it to.
func TestALetterWithoutWordsIsTheSameFailure(t *testing.T) {
	t.Parallel()
	r := failedAgain(t, "spring", again())
	r.Headers = slices.DeleteFunc(r.Headers, func(h record.Header) bool { return ofFramework(h.Key) })
	l := Decode(r, "s/1")
	o, is := newSilent([]redrive.Route{again()}).again(r, &l)
	if first := Decode(dialects()["spring"], "s/0"); !is || !o.Failed || l.ID != first.ID || l.Attempts != 8 || l.Class != "UNKNOWN" || l.Service != "billing" {
		t.Errorf("outcome %+v, failure %+v", o, l.Failure)
	}
}

// A Floodgate letter of a record that another framework had dead-lettered before is
// Floodgate's, and a foreign letter of a replay is its framework's.
func TestWhoWroteALetterOfAReplay(t *testing.T) {
	t.Parallel()
	_, ours := ours()
	ours.Headers = slices.Concat(ours.Headers, dialects()["spring"].Headers)
	if l := Decode(ours, "s/0"); l.Service != "vote" || l.Class != "RETRYABLE" {
		t.Errorf("ours is read as %s of %s", l.Class, l.Service)
	}
	if l := Decode(failedAgain(t, "spring", again()), "s/0"); l.Class != "com.example.orders.UnknownCustomerException" || l.Topic != "orders.again" {
		t.Errorf("Spring's is read as %s on %s", l.Class, l.Topic)
	}
}
