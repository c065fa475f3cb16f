package redrive

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"
)

const (
	// passageEvery is how often records without an outcome are looked for.
	passageEvery = 5 * time.Second
	// passagePatience is how long a record may be without one before it is asked
	// whether its group has passed it.
	passagePatience = 15 * time.Second
	// passageLimit is how many are looked at together.
	passageLimit = 1000
	// catchUpPatience bounds the wait for our own reading of outcomes.
	catchUpPatience = 30 * time.Second
)

// Log is what Kafka knows of offsets.
type Log interface {
	// Committed answers a group's offsets in a topic by partition; those that it
	// has not committed are missing.
	Committed(ctx context.Context, group, topic string) (map[int32]int64, error)
	// Ends answers where the outcomes that were written so far end, by partition;
	// partitions without any are missing.
	Ends(ctx context.Context) (map[int32]int64, error)
	// Heard answers how far outcomes were settled, by partition.
	Heard(ctx context.Context) (map[int32]int64, error)
}

// Passage finds replayed records that their group has passed without saying what
// became of them: it did not know of outcomes, or somebody moved its offset. Only
// then their claims are open again (SEMANTICS 21). Of groups that never tell any,
// an Inference finds them.
//
//  1. The group's committed offset is behind the record. As the outcome has its
//     ack before that, it is in dlq.outcome by now, or never.
//  2. Where dlq.outcome ends then is noted.
//  3. All before that end is settled.
//  4. What still has no outcome has none.
type Passage struct {
	replays Replays
	log     Log
	routes  []Route
	logger  *slog.Logger
}

// NewPassage answers a passage over a store and a log.
func NewPassage(replays Replays, log Log, routes []Route, logger *slog.Logger) *Passage {
	return &Passage{replays: replays, log: log, routes: told(routes), logger: logger}
}

// Run looks until ctx ends.
func (p *Passage) Run(ctx context.Context) {
	for sleep(ctx, passageEvery) {
		n, err := p.Look(ctx)
		if err != nil && ctx.Err() == nil {
			p.logger.WarnContext(ctx, "records without an outcome are not looked at", slog.Any("error", err))
		}
		if n > 0 {
			p.logger.WarnContext(ctx, "a group passed replayed records without an outcome; their failures are open again", slog.Int("records", n))
		}
	}
}

// Look gives back what has no outcome and never will, and answers how many
// records.
func (p *Passage) Look(ctx context.Context) (int, error) {
	waiting, err := p.replays.Unconfirmed(ctx, p.routes, time.Now().Add(-passagePatience).UnixMicro(), passageLimit)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	passed, err := p.passed(ctx, waiting)
	if err != nil || len(passed) == 0 {
		return 0, err
	}
	ends, err := p.log.Ends(ctx)
	if err != nil {
		return 0, err
	}
	if err := catchUp(ctx, p.log, ends); err != nil {
		return 0, err
	}
	return p.replays.Lose(ctx, passed, time.Now().UnixMicro())
}

// passed answers those of the records that their group's offset is behind.
func (p *Passage) passed(ctx context.Context, waiting []Unconfirmed) ([]Unconfirmed, error) {
	type place struct{ group, topic string }
	known := map[place]map[int32]int64{}
	var passed []Unconfirmed
	for _, u := range waiting {
		for _, r := range p.routes {
			if r.Topic == u.Topic && r.Group == u.Group {
				u.Topic = r.To
				break
			}
		}
		at := place{u.Group, u.Topic}
		if known[at] == nil {
			committed, err := p.log.Committed(ctx, u.Group, u.Topic)
			if err != nil {
				return nil, err
			}
			known[at] = maps.Clone(committed)
		}
		if next, is := known[at][u.Partition]; is && u.Offset >= 0 && next > u.Offset {
			passed = append(passed, u)
		}
	}
	return passed, nil
}

// catchUp waits until every outcome before ends is settled.
func catchUp(ctx context.Context, log Log, ends map[int32]int64) error {
	ctx, cancel := context.WithTimeout(ctx, catchUpPatience)
	defer cancel()
	for {
		heard, err := log.Heard(ctx)
		if err != nil {
			return err
		}
		behind := 0
		for partition, end := range ends {
			if heard[partition] < end {
				behind++
			}
		}
		if behind == 0 {
			return nil
		}
		if !sleep(ctx, lookEvery) {
			return fmt.Errorf("%d partitions of outcomes are not settled yet", behind)
		}
	}
}
