package inbox_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"floodgate.internal/backbone/inbox"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// replay is a record on the group's replay topic, which names where it failed.
func replay(value, originOffset string) *record.Record {
	return &record.Record{
		Topic: topics.Replay("orders", "g"), Partition: 1, Offset: 1, Value: []byte(value),
		Headers: []record.Header{
			{Key: record.HeaderErrorTopic, Value: []byte("orders")},
			{Key: record.HeaderErrorGroup, Value: []byte("g")},
			{Key: record.HeaderErrorPartition, Value: []byte("3")},
			{Key: record.HeaderErrorOffset, Value: []byte(originOffset)},
			{Key: record.HeaderErrorTimestamp, Value: []byte(time.Now().Add(-2 * time.Hour).Format(time.RFC3339Nano))},
		},
	}
}

func TestIDIsTheEventsElseThePlaces(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	with := func(r record.Record, text string) *record.Record {
		r.Headers = []record.Header{{Key: record.HeaderEventID, Value: []byte(text)}}
		return &r
	}
	at := record.Record{Topic: "orders", Partition: 3, Offset: 7, Value: []byte("v")}
	elsewhere := record.Record{Topic: "orders", Partition: 4, Offset: 9, Value: []byte("w")}
	if got := inbox.ID(with(at, id)); got.String() != id {
		t.Errorf("id %s, want that of the header", got)
	}
	for name, tc := range map[string]struct {
		a, b *record.Record
		same bool
	}{
		"an id counts wherever it stands":              {with(at, id), with(elsewhere, id), true},
		"some other producer's id too":                 {with(at, "order-7"), with(elsewhere, "order-7"), true},
		"other text is another id":                     {with(at, "order-7"), with(at, "order-8"), false},
		"without one the place counts":                 {&at, &record.Record{Topic: "orders", Partition: 3, Offset: 7, Value: []byte("v")}, true},
		"another offset is another event":              {&at, &record.Record{Topic: "orders", Partition: 3, Offset: 8, Value: []byte("v")}, false},
		"another partition":                            {&at, &record.Record{Topic: "orders", Partition: 2, Offset: 7, Value: []byte("v")}, false},
		"another topic":                                {&at, &record.Record{Topic: "refunds", Partition: 3, Offset: 7, Value: []byte("v")}, false},
		"the same place in a topic that was made anew": {&at, &record.Record{Topic: "orders", Partition: 3, Offset: 7, Value: []byte("w")}, false},
		"a replay counts at its origin's place":        {&at, replay("v", "7"), true},
		"and another one elsewhere":                    {&at, replay("v", "8"), false},
		"an empty id is none":                          {with(at, ""), &at, true},
	} {
		if got := inbox.ID(tc.a) == inbox.ID(tc.b); got != tc.same {
			t.Errorf("%s: same is %t", name, got)
		}
	}
}

func TestCheckJudgesWhatComesBackByItsFirstTime(t *testing.T) {
	t.Parallel()
	in, _ := newInbox(t, nil) // remembers for an hour
	longAgo := time.Now().Add(-61 * time.Minute)
	headers := func(pairs ...string) *record.Record {
		r := &record.Record{Topic: "orders", Timestamp: time.Now()}
		for i := 0; i < len(pairs); i += 2 {
			r.Headers = append(r.Headers, record.Header{Key: pairs[i], Value: []byte(pairs[i+1])})
		}
		return r
	}
	ago, now := longAgo.Format(time.RFC3339Nano), time.Now().Format(time.RFC3339Nano)
	spooledReplay := replay("v", "7")
	spooledReplay.Headers = record.Set(spooledReplay.Headers, record.HeaderSpooledAt, now)
	for name, tc := range map[string]struct {
		r       *record.Record
		refused bool
	}{
		"a record where it was first written":         {&record.Record{Topic: "orders", Timestamp: longAgo}, false},
		"one that happened long before it was sent":   {headers(record.HeaderOccurredAt, ago), false},
		"a replay of what failed two hours ago":       {replay("v", "7"), true},
		"that replay, through a spool":                {spooledReplay, true},
		"a replay to the source of an old event":      {headers(record.HeaderReplayID, "r", record.HeaderOccurredAt, ago), true},
		"a replay to the source of a young one":       {headers(record.HeaderReplayID, "r", record.HeaderOccurredAt, now), false},
		"a record that the spool took long ago":       {headers(record.HeaderSpooledAt, ago), true},
		"a record that the spool took a moment ago":   {headers(record.HeaderSpooledAt, now), false},
		"a record whose spooled time nobody can read": {headers(record.HeaderSpooledAt, "yesterday"), false},
	} {
		if refused := in.Check(tc.r) != nil; refused != tc.refused {
			t.Errorf("%s: refused is %t", name, refused)
		}
	}
}
