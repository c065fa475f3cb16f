package redrive_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// ruled is a store of one failure, whose group holds no key, and the topic that
// decisions go to, which may be away.
type ruled struct {
	redrive.Failures
	redrive.Publisher
	redrive.Composer
	failure letter.Failure
	away    bool
	// said are the decisions, by the status that the failure had then.
	said []string
}

func (d *ruled) Get(context.Context, string) (letter.Failure, error) { return d.failure, nil }

func (*ruled) Raw(context.Context, string) (letter.Record, error) { return letter.Record{}, nil }

func (*ruled) Release(*letter.Failure, letter.Record) (redrive.Outgoing, bool) {
	return redrive.Outgoing{}, false
}

func (d *ruled) Step(_ context.Context, _ string, step letter.Step, _ redrive.Entry) (letter.Failure, error) {
	next, err := d.failure.Status.After(step)
	d.failure.Status = next
	return d.failure, err
}

func (d *ruled) PublishRuling(_ context.Context, decision redrive.Ruling) error {
	if d.away {
		return redrive.ErrUntold
	}
	word := "restored"
	if decision.Discarded {
		word = "discarded"
	}
	d.said = append(d.said, word+" while "+d.failure.Status.String()+": "+decision.Reason)
	return nil
}

// A discard is written down and then made known, a restore the other way round:
// whatever fails in between, what is open is not taken for settled; and a
// repetition makes known what was not.
func TestDecisionsAreMadeKnown(t *testing.T) {
	t.Parallel()
	d := &ruled{failure: letter.Failure{ID: "f", Group: "vote-tally", Status: letter.Open}}
	desk := redrive.NewDesk(d, d, nil, d)
	expect := func(what string, err, want error, status letter.Status) {
		t.Helper()
		if !errors.Is(err, want) || d.failure.Status != status {
			t.Errorf("%s: %v, %s; want %v, %s", what, err, d.failure.Status, want, status)
		}
	}
	discard := func() error { _, err := desk.Discard(t.Context(), "f", "anna", "test"); return err }
	restore := func() error { _, err := desk.Restore(t.Context(), "f", "anna", "real"); return err }
	expect("what is open is not restored", restore(), letter.ErrStep, letter.Open)
	d.away = true
	expect("discarded while Kafka is away", discard(), redrive.ErrUntold, letter.Discarded)
	expect("restored while Kafka is away", restore(), redrive.ErrUntold, letter.Discarded)
	d.away = false
	expect("discarded again", discard(), letter.ErrStep, letter.Discarded)
	expect("restored", restore(), nil, letter.Open)
	d.failure.Status = letter.Replaying
	expect("discarded while a replay has it", discard(), letter.ErrStep, letter.Replaying)
	d.failure.Status, d.failure.Group = letter.Open, ""
	expect("a client's report", discard(), nil, letter.Discarded)
	if want := []string{"discarded while DISCARDED: test", "restored while DISCARDED: real"}; !slices.Equal(d.said, want) {
		t.Errorf("made known: %q, want %q", d.said, want)
	}
}
