package stream_test

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/stream"
)

// capture is a producer that keeps what it is given.
type capture struct{ event publish.Event }

func (c *capture) Publish(_ context.Context, e publish.Event) (publish.Ack, error) {
	c.event = e
	return publish.Ack{Offset: 7, AcceptedAt: time.UnixMilli(1_700_000_000_123)}, nil
}

// asRecord is the event as a consumer meets it.
func (c *capture) asRecord(t *testing.T) *record.Record {
	t.Helper()
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.event.Message)
	if err != nil {
		t.Fatal(err)
	}
	return &record.Record{
		Topic: c.event.Topic, Key: c.event.Key, Value: value, Offset: 7, Timestamp: time.UnixMilli(1_700_000_000_123),
		Headers: []record.Header{
			{Key: record.HeaderEventID, Value: []byte(c.event.ID.String())},
			{Key: record.HeaderEventType, Value: []byte(c.event.Message.ProtoReflect().Descriptor().FullName())},
		},
	}
}

// events are one of each kind that vote.cast carries.
func events(t *testing.T) map[string]*record.Record {
	t.Helper()
	c := &capture{}
	p := stream.NewPublisher(c)
	accepted, err := p.PublishVote(t.Context(), "final", "anna", "v1", "a")
	if err != nil || accepted.At != 1_700_000_000_123_000 {
		t.Fatalf("accepted %+v: %v", accepted, err)
	}
	out := map[string]*record.Record{"vote_cast": c.asRecord(t)}
	if err := p.PublishVoid(t.Context(), casting.VoidOrder{Poll: "final", Voter: "anna", ID: "void-1", Reason: "bots", VoteIDs: []string{"v1", "v2"}}); err != nil {
		t.Fatal(err)
	}
	out["votes_voided"] = c.asRecord(t)
	return out
}

// The bytes of the wire are pinned: a golden that was once released is kept for
// ever, and must be read for ever.
func TestWireFormatIsPinned(t *testing.T) {
	t.Parallel()
	for name, r := range events(t) {
		lines := []string{"topic " + r.Topic, "key " + string(r.Key), "value " + hex.EncodeToString(r.Value)}
		for _, h := range r.Headers {
			lines = append(lines, h.Key+" "+string(h.Value))
		}
		got := strings.Join(lines, "\n") + "\n"
		want, err := os.ReadFile(filepath.Join("testdata", name+".golden"))
		if err != nil {
			t.Errorf("%v; it would be\n%s", err, got)
			continue
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-golden +now):\n%s", name, diff)
		}
	}
}

func TestDecodeReadsWhatWasPublished(t *testing.T) {
	t.Parallel()
	shard := casting.Shard{Poll: "final", Number: topics.VoteShard("anna")}
	want := map[string]casting.Event{
		"vote_cast":    {Shard: shard, Voter: "anna", Offset: 7, Vote: &ballot.Vote{ID: "v1", Candidate: "a", Offset: 7, AcceptedAt: 1_700_000_000_123_000}},
		"votes_voided": {Shard: shard, Voter: "anna", Offset: 7, Void: &ballot.Void{Offset: 7, IDs: []string{"v1", "v2"}, Reason: "bots"}},
	}
	for name, r := range events(t) {
		got, err := stream.Decode(r)
		if diff := cmp.Diff(want[name], got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// A replay is decided at its origin's position and time; a spooled record at
// the time its spool row became durable (rules 9, 11 and 20).
func TestReplayAndSpoolKeepTheirPlace(t *testing.T) {
	t.Parallel()
	r := events(t)["vote_cast"]
	r.Topic = topics.Replay(topics.VoteCast, topics.GroupVoteTally)
	for name, value := range map[string]string{
		record.HeaderErrorTopic: topics.VoteCast, record.HeaderErrorPartition: "5", record.HeaderErrorOffset: "42",
		record.HeaderErrorGroup: topics.GroupVoteTally, record.HeaderErrorTimestamp: "2026-01-02T03:04:05.006Z",
	} {
		r.Headers = record.Set(r.Headers, name, value)
	}
	e, err := stream.Decode(r)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	if err != nil || !e.Replayed || e.Partition != 5 || e.Vote.Offset != 42 || e.Vote.AcceptedAt != at.UnixMicro() {
		t.Errorf("replay: %+v %+v: %v", e, e.Vote, err)
	}
	spooled := at.Add(time.Hour)
	r.Headers = record.Set(r.Headers, record.HeaderSpooledAt, spooled.Format(time.RFC3339Nano))
	if e, err = stream.Decode(r); err != nil || e.Vote.AcceptedAt != spooled.UnixMicro() {
		t.Errorf("spooled: %+v: %v", e.Vote, err)
	}
}

func TestWhatCannotBeReadIsUndecodable(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*record.Record){
		"no type":      func(r *record.Record) { r.Headers = nil },
		"foreign type": func(r *record.Record) { r.Headers = record.Set(r.Headers, record.HeaderEventType, "foreign.Event") },
		"broken value": func(r *record.Record) { r.Value = []byte{0xff, 0xff} },
		"no ids":       func(r *record.Record) { r.Value = nil },
		"a slash in an id": func(r *record.Record) {
			r.Value, _ = proto.Marshal(&votev1.VoteCast{PollId: "p", VoterId: "a/b", VoteId: "c", CandidateId: "a"})
		},
		"invalid UTF-8": func(r *record.Record) { r.Value = []byte{0x0a, 0x01, 0xff} },
	} {
		r := events(t)["vote_cast"]
		spoil(r)
		if _, err := stream.Decode(r); failure.ClassOf(err) != failure.Undecodable || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUnavailableLogIsNamedSo(t *testing.T) {
	t.Parallel()
	_, err := stream.NewPublisher(down{}).PublishVote(t.Context(), "final", "anna", "v1", "a")
	if !errors.Is(err, casting.ErrUnavailable) {
		t.Errorf("broker away: %v", err)
	}
}

type down struct{}

func (down) Publish(context.Context, publish.Event) (publish.Ack, error) {
	return publish.Ack{}, publish.ErrIndefinite
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x0a, 0x01, 'p'}, "floodgate.vote.v1.VoteCast", "")
	f.Add([]byte{}, "floodgate.vote.v1.VotesVoided", "2026-01-02T03:04:05Z")
	f.Fuzz(func(t *testing.T, value []byte, kind, spooled string) {
		e, err := stream.Decode(&record.Record{Topic: topics.VoteCast, Value: value, Headers: []record.Header{
			{Key: record.HeaderEventType, Value: []byte(kind)}, {Key: record.HeaderSpooledAt, Value: []byte(spooled)},
		}})
		if err != nil {
			if failure.ClassOf(err) != failure.Undecodable {
				t.Errorf("class of %v", err)
			}
			return
		}
		if (e.Vote == nil) == (e.Void == nil) || e.Shard.Poll == "" || e.Voter == "" || e.Shard.Number < 0 || e.Shard.Number >= topics.VoteShards {
			t.Errorf("half an event: %+v", e)
		}
	})
}
