package broker_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
)

// offset answers a request for offsets with one offset, or with a refusal.
func offset(refusal sarama.KError) *sarama.MockWrapper {
	res := &sarama.OffsetResponse{Version: 2}
	res.AddTopicPartition("t", 0, 5)
	res.Blocks["t"][0].Err = refusal
	return sarama.NewMockWrapper(res)
}

// electing answers a client of a broker that gives these answers to requests
// for offsets, the last one for ever.
func electing(t *testing.T, answers ...any) sarama.Client {
	t.Helper()
	mock := sarama.NewMockBroker(t, 1)
	t.Cleanup(mock.Close)
	mock.SetHandlerByMap(map[string]sarama.MockResponse{
		"MetadataRequest": sarama.NewMockMetadataResponse(t).SetBroker(mock.Addr(), 1).SetLeader("t", 0, 1),
		"OffsetRequest":   sarama.NewMockSequence(answers...),
	})
	cfg := sarama.NewConfig()
	cfg.Version, cfg.ApiVersionsRequest = sarama.V0_11_0_0, false
	client, err := sarama.NewClient([]string{mock.Addr()}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// A topic that was just made on a busy broker is led after seconds, not after
// the few attempts that a moved leader costs.
func TestOffsetsOutwaitAnElection(t *testing.T) {
	t.Parallel()
	answers := append(slices.Repeat([]any{offset(sarama.ErrNotLeaderForPartition)}, 8), offset(sarama.ErrNoError))
	ranges, err := broker.Offsets(t.Context(), electing(t, answers...), "t")
	if err != nil || len(ranges) != 1 || ranges[0].Next != 5 {
		t.Errorf("answered %v, %v", ranges, err)
	}
}

func TestAnElectionIsNotOutwaitedByWhoGoes(t *testing.T) {
	t.Parallel()
	client := electing(t, offset(sarama.ErrNotLeaderForPartition))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := broker.Offsets(ctx, client, "t"); err == nil {
		t.Error("answered although nobody leads")
	}
}
