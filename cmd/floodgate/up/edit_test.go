package up_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	"floodgate.internal/cmd/floodgate/up"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
)

// misprint puts a vote for a candidate that no request could have named where
// votes are, as an instance with a fault would, and answers its event id.
func misprint(t *testing.T, kafka, voter string) string {
	t.Helper()
	cfg := broker.SaramaConfig(broker.Config{Brokers: []string{kafka}})
	cfg.Producer.Return.Successes = true
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	producer, err := sarama.NewSyncProducer([]string{kafka}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	value, err := proto.Marshal(&votev1.VoteCast{PollId: "final", CandidateId: "a b", VoterId: voter, VoteId: "v"})
	if err != nil {
		t.Fatal(err)
	}
	topic, _ := topics.Lookup(topics.VoteCast)
	key := topics.VoteKey("final", topics.VoteShard(voter))
	id := record.EventID("vote", "final", voter, "v").String()
	_, _, err = producer.SendMessage(&sarama.ProducerMessage{
		Topic: topics.VoteCast, Partition: topic.Partition(key, topic.PartitionsDev), Key: sarama.ByteEncoder(key), Value: sarama.ByteEncoder(value),
		Headers: []sarama.RecordHeader{
			{Key: []byte(record.HeaderEventID), Value: []byte(id)},
			{Key: []byte(record.HeaderEventType), Value: []byte("floodgate.vote.v1.VoteCast")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A vote that neither group can read, between votes that count, is edited over
// REST: what would change is shown first, a patch that means nothing is refused by
// its fields, and the edited vote is counted once: live view, ledger and log agree.
func TestAVoteForNobodyIsEditedAndCountedOnce(t *testing.T) {
	t.Parallel()
	addrs, stop := start(t, filepath.Join(t.TempDir(), "data"), func(c *up.Config) { c.DLQEdit = true })
	defer stop()
	base := "http://" + addrs.HTTP + "/api/v1"
	call(t, http.MethodPost, base+"/polls", `{"pollId":"final","title":"Final","candidates":[{"candidateId":"a","name":"A"},{"candidateId":"b","name":"B"}]}`, http.StatusCreated)
	cast := func(voter string) {
		call(t, http.MethodPost, base+"/votes", fmt.Sprintf(`{"pollId":"final","candidateId":"a","voterId":%q,"voteId":"v"}`, voter), http.StatusAccepted)
	}
	cast("ben")
	event := misprint(t, addrs.Kafka, "anna")
	cast("cleo")
	mine := fmt.Sprintf("eventId = %q", event)
	eventually(t, "both groups' failures", func() bool { return found(t, base+"/dlq", mine+" AND status = OPEN") == 2 })
	id := fmt.Sprint(one(t, base+"/dlq", mine)["failureId"])
	at := base + "/dlq/failures/" + id + ":editAndReplay"
	for _, bad := range []string{
		`{"reason":"x","patch":{"candidateId":7}}`, `{"reason":"x","patch":{"colour":"red"}}`, `{"reason":"x","patch":{"candidateId":null}}`,
		`{"reason":"x","patch":{"voterId":"ben"}}`, `{"reason":"x","patch":{"candidateId":"a b"}}`, `{"patch":{"candidateId":"b"}}`,
	} {
		call(t, http.MethodPost, at, bad, http.StatusBadRequest)
	}
	refused := call(t, http.MethodPost, at, `{"reason":"x","patch":{"voterId":"ben","candidateId":"b","voteId":"w"}}`, http.StatusBadRequest)
	if text := fmt.Sprint(refused["message"]); !strings.Contains(text, "patch.voterId: must stay") || !strings.Contains(text, "patch.voteId: must stay") {
		t.Errorf("somebody else's vote: %v", refused)
	}
	const edit = `{"reason":"misprinted","patch":{"candidateId":"b"}%s}`
	dry := call(t, http.MethodPost, at, fmt.Sprintf(edit, `,"dryRun":true`), http.StatusOK)
	diff, _ := dry["diff"].([]any)
	if dry["replayId"] != "" || !slices.Contains(diff, any(`candidateId: "a b" → "b"`)) {
		t.Errorf("dry run %v", dry)
	}
	made := call(t, http.MethodPost, at, fmt.Sprintf(edit, ""), http.StatusOK)
	if again := call(t, http.MethodPost, at, fmt.Sprintf(edit, ""), http.StatusOK); again["replayId"] != made["replayId"] || again["eventId"] != made["eventId"] {
		t.Errorf("clicked twice: %v and %v", made, again)
	}
	if replay := settle(t, base+"/dlq", made); replay["state"] != "DONE" || replay["applied"] != "1" {
		t.Errorf("replay %v", replay)
	}
	if n := found(t, base+"/dlq", mine+" AND status = RESOLVED"); n != 2 {
		t.Errorf("%d failures are closed", n)
	}
	cast("dora")
	eventually(t, "each voter is counted once", func() bool {
		tally := call(t, http.MethodGet, base+"/polls/final/tally", "", http.StatusOK)
		return tally["total"] == "4" && tally["lag"] == "0"
	})
	recount := call(t, http.MethodPost, base+"/polls/final:recount", "{}", http.StatusOK)
	if recount["equal"] != true || recount["openFailures"] != "0" || recount["discardedFailures"] != "2" {
		t.Errorf("recount: %v", recount)
	}
}

// one answers a failure that a filter finds.
func one(t *testing.T, base, filter string) map[string]any {
	t.Helper()
	page := call(t, http.MethodGet, base+"/failures?filter="+url.QueryEscape(filter), "", http.StatusOK)
	failures, _ := page["failures"].([]any)
	if len(failures) == 0 {
		t.Fatalf("no failure by %s", filter)
	}
	f, _ := failures[0].(map[string]any)
	return f
}
