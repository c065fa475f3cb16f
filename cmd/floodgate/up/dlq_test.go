package up_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/proto/topics"
)

// poison puts a record that nobody can read where votes are.
func poison(t *testing.T, kafka string) {
	t.Helper()
	cfg := broker.SaramaConfig(broker.Config{Brokers: []string{kafka}})
	cfg.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer([]string{kafka}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	_, _, err = producer.SendMessage(&sarama.ProducerMessage{
		Topic: topics.VoteCast, Key: sarama.ByteEncoder(topics.VoteKey("final", 3)), Value: sarama.ByteEncoder{0xff, 0xff},
		Headers: []sarama.RecordHeader{{Key: []byte("fg-event-type"), Value: []byte("floodgate.vote.v1.VoteCast")}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A record that nobody can read ends as one failure of each group, a client's
// own report as one of nobody's; both are seen over REST, with where they come
// from and what is at fault.
func TestFailuresAreSeen(t *testing.T) {
	t.Parallel()
	addrs, stop := start(t, filepath.Join(t.TempDir(), "data"))
	defer stop()
	base := "http://" + addrs.HTTP + "/api/v1/dlq"
	poison(t, addrs.Kafka)
	report := `{"service":"web","topic":"vote.cast","payload":{"pollId":"final","candidateId":"a","voterId":"anna"},"eventId":"v1","errorClass":"HTTP_504","errorMessage":"gateway timeout"}`
	reported := call(t, http.MethodPost, base, report, http.StatusAccepted)
	if again := call(t, http.MethodPost, base, report, http.StatusAccepted); again["failureId"] != reported["failureId"] {
		t.Errorf("the same report is %v and %v", reported, again)
	}
	call(t, http.MethodPost, base, `{"service":"web","topic":"vote.cast","payload":{"pollId":7},"eventId":"v1","errorClass":"X"}`, http.StatusBadRequest)
	var failures []any
	eventually(t, "three failures", func() bool {
		page := call(t, http.MethodGet, base+"/failures?pageSize=10", "", http.StatusOK)
		failures, _ = page["failures"].([]any)
		return len(failures) == 3 && page["totalSize"] == "3"
	})
	groups := map[any]any{}
	for _, one := range failures {
		f, _ := one.(map[string]any)
		groups[f["group"]] = f["errorClass"]
	}
	if groups["vote-tally"] != "UNDECODABLE" || groups["vote-ledger"] != "UNDECODABLE" || groups[""] != "HTTP_504" {
		t.Errorf("failures of %v", groups)
	}
	found := call(t, http.MethodGet, base+"/failures?filter="+url.QueryEscape(`service = "web" AND status = OPEN`), "", http.StatusOK)
	if mine, _ := found["failures"].([]any); len(mine) != 1 {
		t.Errorf("by filter %v", found)
	}
	id := fmt.Sprint(reported["failureId"])
	whole := call(t, http.MethodGet, base+"/failures/"+id, "", http.StatusOK)
	payload, _ := whole["payload"].(map[string]any)
	if payload["voteId"] != "v1" || whole["history"] == nil {
		t.Errorf("failure %v", whole)
	}
	if f := call(t, http.MethodPost, base+"/failures/"+id+":discard", `{"reason":"a test"}`, http.StatusOK); f["status"] != "DISCARDED" {
		t.Errorf("discarded %v", f)
	}
	call(t, http.MethodPost, base+"/failures/"+id+":discard", `{"reason":"a test"}`, http.StatusBadRequest)
	if f := call(t, http.MethodPost, base+"/failures/"+id+":restore", `{}`, http.StatusOK); f["status"] != "OPEN" {
		t.Errorf("restored %v", f)
	}
	kinds := call(t, http.MethodGet, base+"/groups", "", http.StatusOK)
	if all, _ := kinds["groups"].([]any); len(all) != 2 {
		t.Errorf("groups %v", kinds)
	}
	stats := call(t, http.MethodGet, base+"/stats?bucket=60s", "", http.StatusOK)
	if byStatus, _ := stats["byStatus"].(map[string]any); byStatus["OPEN"] != "3" {
		t.Errorf("stats %v", stats)
	}
	call(t, http.MethodGet, base+"/failures?filter=colour%3Dred", "", http.StatusBadRequest)
	call(t, http.MethodGet, base+"/failures/00000000-0000-0000-0000-000000000000", "", http.StatusNotFound)
}
