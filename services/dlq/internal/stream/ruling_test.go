package stream

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// settled keeps the outcomes that were settled.
type settled struct {
	redrive.Replays
	got []redrive.Outcome
}

func (s *settled) Settle(_ context.Context, outcomes []redrive.Outcome, _ int64) error {
	s.got = append(s.got, outcomes...)
	return nil
}

// Of dlq.outcome the groups' words are settled, an operator's ruling is passed by
// in silence, and what is neither is named.
func TestRulingsAreNoOutcomes(t *testing.T) {
	t.Parallel()
	var to topic
	ruling := redrive.Ruling{Failure: letter.Failure{ID: "f", Group: "vote-tally", EventID: "e"}, Discarded: true, At: 7}
	if err := NewPublisher(&to).PublishRuling(t.Context(), ruling); err != nil || to.name != "dlq.outcome" || string(to.key) != "e" {
		t.Fatalf("to %s under %s: %v", to.name, to.key, err)
	}
	if err := NewPublisher(&topic{err: publish.ErrUnavailable}).PublishRuling(t.Context(), ruling); err == nil {
		t.Error("a ruling that could not be published is taken for known")
	}
	var batch consume.Batch
	for offset, m := range []proto.Message{
		to.event.Message,
		&dlqv1.ReplayOutcome{ReplayId: "r", FailureId: "f", Result: dlqv1.ReplayOutcome_ALREADY_APPLIED},
		&dlqv1.ReplayOutcome{Result: dlqv1.ReplayOutcome_APPLIED},
	} {
		value, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		batch.Records = append(batch.Records, &record.Record{Offset: int64(offset), Value: value})
	}
	var said strings.Builder
	s := &settled{}
	err := NewOutcomeHandler(redrive.NewConfirmer(s), slog.New(slog.NewTextHandler(&said, nil))).HandleBatch(t.Context(), &batch)
	if err != nil || len(s.got) != 1 || s.got[0] != (redrive.Outcome{Replay: "r", Failure: "f", Already: true}) {
		t.Errorf("settled %+v, %v", s.got, err)
	}
	if strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "offset=2") {
		t.Errorf("said %q", said.String())
	}
}
