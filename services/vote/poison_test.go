package vote_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote"
	"floodgate.internal/services/vote/internal/store"
)

// raw puts records into topics past the service.
type raw struct {
	in     *installation
	client sarama.Client
	sync   sarama.SyncProducer
}

func (in *installation) raw() *raw {
	in.t.Helper()
	client, err := broker.Open(in.t.Context(), broker.Config{Brokers: in.Brokers}, discard())
	in.must(err)
	cfg := broker.SaramaConfig(broker.Config{Brokers: in.Brokers})
	cfg.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer(in.Brokers, cfg)
	in.must(err)
	in.t.Cleanup(func() {
		_ = producer.Close()
		_ = client.Close()
	})
	return &raw{in: in, client: client, sync: producer}
}

// put answers the record's offset.
func (r *raw) put(topic string, partition int32, key, value []byte, headers ...string) int64 {
	r.in.t.Helper()
	m := &sarama.ProducerMessage{Topic: topic, Partition: partition, Key: sarama.ByteEncoder(key), Value: sarama.ByteEncoder(value)}
	for i := 0; i < len(headers); i += 2 {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(headers[i]), Value: []byte(headers[i+1])})
	}
	_, offset, err := r.sync.SendMessage(m)
	r.in.must(err)
	return offset
}

// vote puts a vote where the service would, with the event id it would have.
func (r *raw) vote(poll, voter, id, candidate string) int64 {
	shard := topics.VoteShard(voter)
	value, err := proto.Marshal(&votev1.VoteCast{PollId: poll, VoterId: voter, VoteId: id, CandidateId: candidate})
	r.in.must(err)
	return r.put(topics.VoteCast, topics.VotePartition(poll, shard, 12), topics.VoteKey(poll, shard), value,
		record.HeaderEventID, record.EventID("vote", poll, voter, id).String(), record.HeaderEventType, "floodgate.vote.v1.VoteCast")
}

// deadLetters reads dlq.failed whole.
func (r *raw) deadLetters() []*record.Record {
	r.in.t.Helper()
	ranges, err := broker.Offsets(r.in.t.Context(), r.client, topics.DLQFailed)
	r.in.must(err)
	var out []*record.Record
	for _, rg := range ranges {
		r.in.must(broker.ReadRange(r.in.t.Context(), r.client, topics.DLQFailed, rg.Partition, rg.First, rg.Next,
			func(l *record.Record) error { out = append(out, l); return nil }))
	}
	return out
}

// An undecodable record is dead-lettered at once by each group, with all that
// names it, and the next record is counted; so is one of a poll that is none.
func TestAPoisonRecordIsDeadLetteredAndTheNextIsCounted(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	r := in.raw()
	shard := topics.VoteShard("anna")
	partition := topics.VotePartition("final", shard, 12)
	poison := r.put(topics.VoteCast, partition, topics.VoteKey("final", shard), []byte{0xff, 0xff}, record.HeaderEventType, "floodgate.vote.v1.VoteCast")
	r.vote("unheard", "ben", "v", "a")
	in.cast(i, "final", "anna", "v", "a")
	in.settled(i, "final", 1)
	in.eventually("four dead letters", func() bool { return len(r.deadLetters()) == 4 })
	groups := map[string]string{}
	for _, l := range r.deadLetters() {
		group, _ := l.Get(record.HeaderErrorGroup)
		class, _ := l.Get(record.HeaderErrorClass)
		offset, _ := l.Get(record.HeaderErrorOffset)
		if offset == fmt.Sprint(poison) && slices.Equal(l.Value, []byte{0xff, 0xff}) && strings.HasSuffix(string(l.Key), fmt.Sprintf("final/%d", shard)) {
			groups[group] = class
			continue
		}
		if reason, _ := l.Get(record.HeaderErrorReason); class != "PERMANENT" || reason != "UNKNOWN_POLL" {
			t.Errorf("dead letter of the unknown poll: %s %s", class, reason)
		}
	}
	if groups[topics.GroupVoteTally] != "UNDECODABLE" || groups[topics.GroupVoteLedger] != "UNDECODABLE" {
		t.Errorf("dead letters of the poison record: %v", groups)
	}
	recount, err := i.Recount(t.Context(), &votev1.RecountRequest{PollId: "final"})
	if err != nil || recount.GetOpenFailures() != 2 || !recount.GetEqual() {
		t.Errorf("recount: %v, %v", recount, err)
	}
}

// The log may hold an event twice (a producer's retry after a restart): it is
// counted once, and a replay brings a vote to the place it was cast at, with a
// correction in both copies (rules 2, 9 and 20).
func TestTwiceInTheLogAndReplayedCountsOnce(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	i := in.start(nil)
	in.poll(i, "final", nil)
	r := in.raw()
	first := r.vote("final", "anna", "v1", "a")
	r.vote("final", "anna", "v1", "a")
	lost := r.put(topics.VoteCast, topics.VotePartition("final", topics.VoteShard("ben"), 12), topics.VoteKey("final", topics.VoteShard("ben")),
		[]byte{0xff}, record.HeaderEventType, "floodgate.vote.v1.VoteCast") // ben's first vote cannot be read
	r.vote("final", "ben", "second", "b")
	if tally := in.settled(i, "final", 2); tally.GetTotal() != 2 || first < 0 {
		t.Fatalf("tally %v", tally)
	}
	// It was mended, and comes back through each group's replay topic.
	shard := topics.VoteShard("ben")
	value, err := proto.Marshal(&votev1.VoteCast{PollId: "final", VoterId: "ben", VoteId: "first", CandidateId: "a"})
	in.must(err)
	for _, group := range []string{topics.GroupVoteTally, topics.GroupVoteLedger} {
		for range 2 {
			r.put(topics.Replay(topics.VoteCast, group), 0, topics.VoteKey("final", shard), value,
				record.HeaderEventType, "floodgate.vote.v1.VoteCast", record.HeaderErrorTopic, topics.VoteCast,
				record.HeaderErrorPartition, fmt.Sprint(topics.VotePartition("final", shard, 12)),
				record.HeaderErrorOffset, fmt.Sprint(lost), record.HeaderErrorGroup, group,
				record.HeaderErrorTimestamp, i.createdAt(t, "final"))
		}
	}
	var tally *votev1.Tally
	in.eventually("the replay is decided", func() bool {
		tally, err = i.GetTally(t.Context(), &votev1.GetTallyRequest{PollId: "final"})
		in.must(err)
		return tally.GetDuplicates() == 1 && in.receipts(i, "final")["ben/first"] != nil
	})
	receipts := in.receipts(i, "final")
	if receipts["ben/first"].GetStatus() != votev1.Vote_COUNTED || receipts["ben/second"].GetStatus() != votev1.Vote_DUPLICATE {
		t.Errorf("receipts %v", receipts)
	}
	if tally.GetTotal() != 2 || tally.GetCounts()[0].GetCount() != 2 || tally.GetCorrections() != 1 {
		t.Errorf("tally %v", tally)
	}
}

// createdAt is the poll's creation as a record's time.
func (i *instance) createdAt(t *testing.T, poll string) string {
	t.Helper()
	p, err := i.GetPoll(t.Context(), &votev1.GetPollRequest{PollId: poll})
	if err != nil {
		t.Fatal(err)
	}
	return p.GetCreatedAt().AsTime().Format("2006-01-02T15:04:05.999999999Z07:00")
}

// Start refuses a log that is not the one its database belongs to: offsets are
// named by topic id and partition (rule 4).
func TestAnotherLogIsRefused(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.must(in.start(nil).stop())
	client, err := broker.Open(t.Context(), broker.Config{Brokers: in.Brokers}, discard())
	in.must(err)
	admin, err := sarama.NewClusterAdminFromClient(client)
	in.must(err)
	in.must(admin.DeleteTopic(topics.VoteCast))
	in.eventually("the topic is gone", func() bool {
		found, err := admin.ListTopics()
		in.must(err)
		_, there := found[topics.VoteCast]
		return !there
	})
	in.must(admin.Close())
	err = in.runOnce(func(*vote.Config) {})
	if !errors.Is(err, store.ErrTopicChanged) || !strings.Contains(err.Error(), topics.VoteCast) {
		t.Errorf("a topic made again is not refused: %v", err)
	}
}
