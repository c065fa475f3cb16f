package deadletters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/rounds"
)

// unlimited is the highest rate that a replay may be asked for, a second.
const unlimited = 100_000

// Replay measures how fast failures come back and are confirmed, from the
// request until the replay is done. Nothing bare does the like.
func Replay() rounds.Contest { return rounds.Contest{Name: "replay", Open: openReplay} }

// comeback is the contest under way.
type comeback struct {
	*stand
	failures int
	dlq      *service
	group    *child.Process
}

func openReplay(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	s, err := newStand(ctx, env)
	if err != nil {
		return nil, err
	}
	c := &comeback{stand: s, failures: env.Size(50_000, 300)}
	if c.dlq, err = s.start(ctx); err != nil {
		return nil, err
	}
	if c.group, err = env.Children.Start(ctx, GroupName, s.kafka(), nil); err != nil {
		return nil, err
	}
	line := rounds.Line{Name: "replay of 50,000, confirmed", Unit: "/s", Ours: "replay", Note: "a group that does nothing; orientation: SQLite"}
	if env.Servers.DatabaseURL != "" {
		line.Note = "a group that does nothing; PostgreSQL; from the request until DONE"
		line.Target = rounds.Target{AtLeast: 5_000, Absolute: true}
	}
	return &rounds.Match{
		Sides: []rounds.Side{{Name: "replay", Run: c.replay}}, Lines: []rounds.Line{line},
		Close: func() error { return errors.Join(c.group.Stop(), c.dlq.stop(), s.close()) },
	}, nil
}

// replay has failures kept, and brings them back.
func (c *comeback) replay(ctx context.Context) (rounds.Sample, error) {
	if err := c.write(ctx, topics.GroupVoteTally, c.failures); err != nil {
		return rounds.Sample{}, err
	}
	if err := c.dlq.awaitKept(ctx, c.letters); err != nil {
		return rounds.Sample{}, err
	}
	before, err := c.dlq.process.Usage()
	if err != nil {
		return rounds.Sample{}, err
	}
	begun := time.Now()
	id, err := c.ask(ctx)
	if err != nil {
		return rounds.Sample{}, fmt.Errorf("ask for the replay: %w", err)
	}
	frozen := time.Since(begun)
	if err := c.done(ctx, id); err != nil {
		return rounds.Sample{}, err
	}
	took := time.Since(begun)
	after, err := c.dlq.process.Usage()
	return rounds.Sample{
		Value: float64(c.failures) / took.Seconds(), CPU: (after.CPU - before.CPU).Seconds() / float64(c.failures) * 100_000,
		PeakBytes: after.PeakBytes, Detail: fmt.Sprintf("frozen in %.1f s of %.1f s", frozen.Seconds(), took.Seconds()),
	}, err
}

// ask asks for the replay of all that is open, under a name: again where the
// answer took longer than a call may.
func (c *comeback) ask(ctx context.Context) (id string, err error) {
	rate := int32(unlimited)
	request := &dlqv1.CreateReplayRequest{Filter: "status = OPEN", RatePerSecond: &rate, Reason: "benchmark", RequestId: uuid.NewString()}
	err = await(ctx, "the selection is frozen", func() (bool, error) {
		made, err := c.dlq.CreateReplay(ctx, request)
		if code := status.Code(err); code == codes.DeadlineExceeded || code == codes.Unavailable {
			return false, nil
		}
		id = made.GetReplayId()
		return err == nil, err
	})
	return id, err
}

// done waits for the end of a replay, in which everything must be applied.
func (c *comeback) done(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	stream, err := c.dlq.WatchReplay(ctx, &dlqv1.WatchReplayRequest{ReplayId: id})
	if err != nil {
		return fmt.Errorf("watch the replay: %w", err)
	}
	var last *dlqv1.Replay
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("watch the replay after %v: %w", last, err)
		}
		last = r
	}
	if last.GetState() != dlqv1.Replay_DONE || last.GetApplied() != int64(c.failures) {
		return fmt.Errorf("the replay ended as %v", last)
	}
	return nil
}
