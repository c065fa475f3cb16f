package redrive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// inferEvery is how often records of silent groups are looked at: a canary
	// waits for it at each step.
	inferEvery = time.Second
	// inferLimit is how many are looked at together.
	inferLimit = 1000
)

// Trail is what Kafka knows of records that went to groups which tell no
// outcomes.
type Trail interface {
	Log
	// LetterEnds answers where a dead-letter topic ends, by partition; partitions
	// without any letter are missing.
	LetterEnds(ctx context.Context, topic string) (map[int32]int64, error)
	// Kept says whether every letter of a dead-letter topic before ends is kept,
	// and what it tells is settled.
	Kept(ctx context.Context, topic string, ends map[int32]int64) (bool, error)
	// Standing answers which of the records, all of one topic, are in it still,
	// where they were published.
	Standing(ctx context.Context, topic string, published []Unconfirmed) (standing []Unconfirmed, err error)
}

// Inference finds what became of records that were replayed to a group which
// knows nothing of outcomes, that of another framework. Such a group commits an
// offset once it has handled the records before it, or has written dead letters of
// them and has their acks. So (ADR 033):
//
//  1. The group's committed offset is behind the record, and was so for as long as
//     the route says.
//  2. Where its dead-letter topic and dlq.outcome end then is noted.
//  3. All before these ends is kept and settled: a letter of the record would have
//     ended the wait for it as failed again.
//  4. The record is read back from where it was published. Else the offset may be
//     one of another topic, or retention may have taken it unseen.
//  5. What stands there and still has no outcome is taken for applied, and its
//     history says why. What is gone has none: its claim opens.
//
// A letter that comes later, as the wait was too short, opens the failure again
// and makes the item one that failed (letter.Refuted).
type Inference struct {
	replays Replays
	trail   Trail
	routes  []Route
	stood   map[Route]*stood
	logger  *slog.Logger
}

// NewInference answers an inference over a store and a log; it looks after the
// routes whose groups are silent. Several processes may run one; each is for one
// goroutine.
func NewInference(replays Replays, trail Trail, routes []Route, logger *slog.Logger) *Inference {
	i := &Inference{replays: replays, trail: trail, stood: map[Route]*stood{}, logger: logger}
	for _, r := range routes {
		if r.Silent() {
			i.routes = append(i.routes, r)
			i.stood[r] = &stood{wait: r.Wait}
		}
	}
	return i
}

// Run looks until ctx ends.
func (i *Inference) Run(ctx context.Context) {
	if len(i.routes) == 0 {
		return
	}
	for sleep(ctx, inferEvery) {
		lost, err := i.Look(ctx)
		if err != nil && ctx.Err() == nil {
			i.logger.WarnContext(ctx, "what became of some replayed records cannot be inferred for now", slog.Any("error", err))
		}
		if lost > 0 {
			i.logger.WarnContext(ctx, "replayed records are no longer where they were published; their failures are open again", slog.Int("records", lost))
		}
	}
}

// Look infers what it can now, and answers how many records were lost. A route
// that cannot be looked at does not hold up another.
func (i *Inference) Look(ctx context.Context) (lost int, err error) {
	waiting, err := i.replays.Unconfirmed(ctx, i.routes, time.Now().UnixMicro()+1, 1)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	var faults []error
	for _, r := range i.routes {
		for more := true; more && ctx.Err() == nil; {
			var n int
			n, more, err = i.look(ctx, r)
			lost += n
			if err != nil {
				faults = append(faults, fmt.Errorf("%s of %s: %w", r.To, r.Group, err))
			}
		}
	}
	return lost, errors.Join(faults...)
}

// look infers up to inferLimit records of a route, and says whether there may be
// more.
func (i *Inference) look(ctx context.Context, r Route) (lost int, more bool, err error) {
	committed, err := i.trail.Committed(ctx, r.Group, r.To)
	if err != nil {
		return 0, false, err
	}
	below := i.stood[r].at(time.Now(), committed)
	if len(below) == 0 {
		return 0, false, nil
	}
	passed, err := i.replays.Passed(ctx, r, below, inferLimit)
	if err != nil || len(passed) == 0 {
		return 0, false, err
	}
	for n := range passed {
		passed[n].Topic = r.To
	}
	if err := i.catchUp(ctx, r); err != nil {
		return 0, false, err
	}
	standing, err := i.trail.Standing(ctx, r.To, passed)
	if err != nil {
		return 0, false, err
	}
	if _, err := i.replays.Infer(ctx, standing, time.Now().UnixMicro()); err != nil {
		return 0, false, err
	}
	lost, err = i.replays.Lose(ctx, without(passed, standing), time.Now().UnixMicro())
	return lost, err == nil && len(passed) == inferLimit, err
}

// catchUp waits until all that the group may have said of records it has passed
// by now is settled.
func (i *Inference) catchUp(ctx context.Context, r Route) error {
	letters, err := i.trail.LetterEnds(ctx, r.Letters)
	if err != nil {
		return err
	}
	ends, err := i.trail.Ends(ctx)
	if err != nil {
		return err
	}
	if err := catchUp(ctx, i.trail, ends); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpPatience)
	defer cancel()
	for {
		kept, err := i.trail.Kept(ctx, r.Letters, letters)
		if err != nil || kept {
			return err
		}
		if !sleep(ctx, lookEvery) {
			return fmt.Errorf("the letters in %s are not kept yet", r.Letters)
		}
	}
}

// without answers those of the records that are not among others of them.
func without(all, others []Unconfirmed) []Unconfirmed {
	among := make(map[Unconfirmed]bool, len(others))
	for _, u := range others {
		among[u] = true
	}
	var rest []Unconfirmed
	for _, u := range all {
		if !among[u] {
			rest = append(rest, u)
		}
	}
	return rest
}

// stood remembers where a group stood, for as long as it waits. Nothing of it is
// kept over a restart: then the wait begins anew.
type stood struct {
	wait  time.Duration
	looks []look // the oldest first
}

// look is where a group stood at a time, by partition.
type look struct {
	at        time.Time
	committed map[int32]int64
}

// looksPerWait bounds what is remembered: the wait is this exact.
const looksPerWait = 20

// at notes where the group stands now, and answers where it stood a wait ago; nil
// where that is not known.
func (s *stood) at(now time.Time, committed map[int32]int64) map[int32]int64 {
	if s.wait == 0 {
		return committed
	}
	if n := len(s.looks); n == 0 || now.Sub(s.looks[n-1].at) >= s.wait/looksPerWait {
		s.looks = append(s.looks, look{now, committed})
	}
	for len(s.looks) > 1 && now.Sub(s.looks[1].at) >= s.wait {
		s.looks = s.looks[1:]
	}
	if now.Sub(s.looks[0].at) < s.wait {
		return nil
	}
	return s.looks[0].committed
}
