package redrive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"floodgate.internal/services/dlq/internal/letter"
)

// Errors of an edit. A letter.RefusalError is the one of a group that stands in its
// way.
var (
	// ErrReplaced: an event goes in its place already, another one than was asked
	// for.
	ErrReplaced = errors.New("another event goes in its place already")
	// ErrEditTooLarge: the topic would not take the edited event.
	ErrEditTooLarge = errors.New("the edited event is too large for its topic")
	// ErrLogAway: the log does not answer; nothing was done.
	ErrLogAway = errors.New("the log does not answer")
	// ErrLogTooLong: there is too much in the log to tell whether the event is
	// in it.
	ErrLogTooLong = errors.New("the event's partition is too long to look through")
)

// ActionEdited: an edited event goes in its place. ActionPublished: a record that
// tells of a decision is in Kafka.
const (
	ActionEdited    = "EDITED"
	ActionPublished = "PUBLISHED"
)

// Edit is an event to go in another one's place, checked as a new one is.
type Edit struct {
	Key, Event []byte
	// EventID is derived from the edited event's own identity.
	EventID string
	// Diff are the changes, a line each, without what is sensitive.
	Diff          []string
	Actor, Reason string
}

// digest tells an edit from another of the same event.
func (e Edit) digest() string {
	sum := sha256.Sum256(slices.Concat(e.Key, []byte{0}, e.Event))
	return hex.EncodeToString(sum[:])
}

// Witness is what the log knows of an event.
type Witness interface {
	// Standing answers everything about an event that its failures do not tell;
	// key is its record's. Errors: ErrLogTooLong, ErrLogAway.
	Standing(ctx context.Context, key []byte, failures []letter.Failure) (letter.Standing, error)
}

// Editor puts edited events in the place of those that failed. Safe for
// concurrent use.
type Editor struct {
	failures Failures
	replays  Replays
	composer Composer
	witness  Witness
}

// NewEditor answers an editor over a store and a log.
func NewEditor(failures Failures, replays Replays, composer Composer, witness Witness) *Editor {
	return &Editor{failures: failures, replays: replays, composer: composer, witness: witness}
}

// Original answers a failure and its record, from which an edit is made. Errors:
// ErrNoFailure.
func (e *Editor) Original(ctx context.Context, id string) (letter.Failure, letter.Record, error) {
	f, err := e.failures.Get(ctx, id)
	if err != nil {
		return letter.Failure{}, letter.Record{}, err
	}
	record, err := e.failures.Raw(ctx, id)
	return f, record, err
}

// DryRun answers why an edit would be refused now, and writes down who saw its
// diff. Errors are those of Replace.
func (e *Editor) DryRun(ctx context.Context, f letter.Failure, r letter.Record, edit Edit) error {
	if _, err := e.composer.Edited(&f, r, edit); err != nil {
		return err
	}
	if _, done, err := e.before(ctx, &f, edit); done || err != nil {
		return err
	}
	if _, err := e.may(ctx, &f, r); err != nil {
		return err
	}
	return e.failures.Note(ctx, f.ID, entry(ActionViewed, edit.Actor, "dry run of an edit"))
}

// Replace closes the failures of an event in all its groups and has the edited
// one published in its place; it answers the replay that does so. Asked again for
// the same edit it answers the same replay: an event is replaced once, whoever
// asks and however often.
//
//  1. The log is asked, and each group's failure looked at. What they say stays
//     so: a group's offset never goes back by itself, a copy behind which all
//     groups have read is settled.
//  2. In one transaction the failures are locked and looked at again: an outcome
//     that came in between refuses the edit, one that comes later finds it done.
//     The event is marked as replaced, which happens once and keeps every later
//     replay of it away, its failures are closed, and the edited event is kept
//     as what a replay of its own has to publish.
//  3. A Runner publishes it, as often as it takes. Its id is that of the edit, so
//     that each group takes it once.
//
// Errors: letter.RefusalError, letter.ErrStep, ErrReplaced, ErrEditTooLarge,
// ErrLogTooLong, ErrLogAway, ErrNoFailure.
func (e *Editor) Replace(ctx context.Context, f letter.Failure, r letter.Record, edit Edit) (string, error) {
	edited, err := e.composer.Edited(&f, r, edit)
	if err != nil {
		return "", err
	}
	if made, done, err := e.before(ctx, &f, edit); done || err != nil {
		return made, err
	}
	standing, err := e.may(ctx, &f, r)
	if err != nil {
		return e.orBefore(ctx, &f, edit, err)
	}
	at := time.Now().UnixMicro()
	outgoing, err := e.told(ctx, &f, standing.Failures, edit, at)
	if err != nil {
		return "", err
	}
	carrier, err := carriedBy(edit.Actor, edit.Reason, at)
	if err != nil {
		return "", err
	}
	err = e.replays.Decide(ctx, Decision{
		Replay: carrier, Step: letter.Replaced, Failure: f.ID, Outgoing: append([]Outgoing{edited}, outgoing...),
		Entry:    Entry{At: at, Action: ActionEdited, Actor: edit.Actor, Detail: described(edit)},
		Replaces: &Replacement{Topic: f.Topic, Original: f.EventID, By: edit.EventID, Digest: edit.digest(), Replay: carrier.ID},
		May: func(now []letter.Failure) error {
			standing.Failures = now
			return letter.MayReplace(standing)
		},
	})
	if err != nil {
		return e.orBefore(ctx, &f, edit, err)
	}
	return carrier.ID, nil
}

// orBefore is the answer where an edit met an error: that somebody was first, in
// this moment, shows as failures that are closed, too.
func (e *Editor) orBefore(ctx context.Context, f *letter.Failure, edit Edit, met error) (string, error) {
	made, done, err := e.before(ctx, f, edit)
	if done || err != nil {
		return made, err
	}
	return "", met
}

// before answers the replay of this very edit, done where there is one; ErrReplaced
// where another edit has taken the event's place.
func (e *Editor) before(ctx context.Context, f *letter.Failure, edit Edit) (replay string, done bool, err error) {
	made, err := e.replays.ReplacedBy(ctx, f.Topic, f.EventID)
	switch {
	case err != nil || made == nil:
		return "", false, err
	case made.By == edit.EventID && made.Digest == edit.digest():
		return made.Replay, true, e.failures.Note(ctx, f.ID, entry(ActionViewed, edit.Actor, "an edit that is made already"))
	default:
		return "", false, fmt.Errorf("event %s, by replay %s: %w", made.By, made.Replay, ErrReplaced)
	}
}

// may asks the log and the failures.
func (e *Editor) may(ctx context.Context, f *letter.Failure, r letter.Record) (letter.Standing, error) {
	known, err := e.failures.OfEvent(ctx, f.Topic, f.EventID)
	if err != nil {
		return letter.Standing{}, err
	}
	standing, err := e.witness.Standing(ctx, r.Key, known)
	if err != nil {
		return letter.Standing{}, err
	}
	if err := letter.MayReplace(standing); err != nil {
		return letter.Standing{}, err
	}
	if _, err := f.Status.After(letter.Replaced); err != nil {
		return letter.Standing{}, fmt.Errorf("failure %s is %s: %w", f.ID, f.Status, err)
	}
	return standing, nil
}

// told answers what is to be told of an edit beside the event itself: that the
// original is given up, to each group that holds its key and to whoever compares
// copies. It goes with the event, as one item.
func (e *Editor) told(ctx context.Context, f *letter.Failure, known []letter.Failure, edit Edit, at int64) ([]Outgoing, error) {
	var all []Outgoing
	for i := range known {
		if known[i].Group == "" {
			continue
		}
		record, err := e.failures.Raw(ctx, known[i].ID)
		if err != nil {
			return nil, err
		}
		if release, holds := e.composer.Release(&known[i], record); holds {
			all = append(all, release)
		}
		ruling, err := e.composer.Ruling(ctx, Ruling{Failure: known[i], Discarded: true, Reason: "edited: " + edit.Reason, At: at})
		if err != nil {
			return nil, err
		}
		all = append(all, ruling)
	}
	for i := range all {
		all[i].Failure = f.ID
	}
	return all, nil
}

// described is an edit as the history has it.
func described(e Edit) string {
	return e.Reason + "\nevent " + e.EventID + " goes in its place\n" + strings.Join(e.Diff, "\n")
}
