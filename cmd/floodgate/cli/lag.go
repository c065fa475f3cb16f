package cli

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"floodgate.internal/backbone/rpc"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// answerTimeout is how long a process may take to answer, on top of the
// interval: more than the second that it takes when parts of it hang.
const answerTimeout = 5 * time.Second

// lagCmd shows how far the groups of a process are behind, and why.
type lagCmd struct {
	Target   string        `env:"FLOODGATE_OPS_TARGET" default:"127.0.0.1:9090" placeholder:"HOST:PORT" help:"gRPC address of the process to look at."`
	Group    []string      `placeholder:"GROUP" help:"Show these consumer groups; all where none is named."`
	Once     bool          `help:"Show it once and end."`
	Interval time.Duration `default:"1s" help:"Time between two looks, 100ms to 1m."`
	Output   string        `short:"o" enum:"table,json" default:"table" help:"table, or json for programs: an object per look."`
}

// Help is shown behind the flags.
func (*lagCmd) Help() string {
	return `A row for each partition, below its group's total: records and seconds that the
group is behind (- where nobody can tell), what the claim is doing, how many
attempts are running, how long the oldest has been and at which step. Partitions
that another process has claimed say so. What is published, spooled, broken or
raised follows.

On a terminal the table is drawn anew in place; where it does not fit, partitions
at rest are folded. Exit code 1 where the process cannot be reached.

Examples:
  floodgate lag
  floodgate lag --target 127.0.0.1:9093 --group vote-ledger
  floodgate lag --once -o json`
}

// Validate refuses what the service would.
func (c *lagCmd) Validate() error {
	if c.Interval < 100*time.Millisecond || c.Interval > time.Minute {
		return fmt.Errorf("--interval is %s: must be 100ms to 1m", c.Interval)
	}
	return nil
}

// Run shows until ctx ends.
func (c *lagCmd) Run(ctx context.Context, s streams) error {
	conn, err := rpc.Dial(c.Target, rpc.DialConfig{})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	client := opsv1.NewIntrospectionServiceClient(conn)
	show := c.shower(s)
	if c.Once {
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		res, err := client.Inspect(ctx, lagRequest())
		if err != nil {
			return unanswered(c.Target, err)
		}
		return show(lagOf(res, c.Group))
	}
	for {
		// A connection ends when it is half an hour old (rpc.DefaultMaxAge), and
		// with it the watch. Whoever was there is asked again.
		answered, err := c.watch(ctx, client, show)
		if ctx.Err() != nil { // a signal ended it
			return nil
		}
		if !answered {
			return err
		}
	}
}

// lagRequest asks for what is shown.
func lagRequest() *opsv1.InspectRequest {
	return &opsv1.InspectRequest{Sections: []opsv1.InspectRequest_Section{
		opsv1.InspectRequest_CLAIMS, opsv1.InspectRequest_LAG, opsv1.InspectRequest_PUBLISHERS, opsv1.InspectRequest_SPOOLS,
		opsv1.InspectRequest_BREAKERS, opsv1.InspectRequest_REPLY_TOPICS, opsv1.InspectRequest_ALERTS,
	}}
}

// watch shows every answer of one watch, and says whether there was any.
func (c *lagCmd) watch(
	ctx context.Context, client opsv1.IntrospectionServiceClient, show func(*lagView) error,
) (answered bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(answerTimeout, cancel)
	defer late.Stop()
	stream, err := client.Watch(ctx, &opsv1.WatchRequest{Inspect: lagRequest(), Interval: durationpb.New(c.Interval)})
	if err != nil {
		return false, unanswered(c.Target, err)
	}
	for ; ; answered = true {
		res, err := stream.Recv()
		if err != nil {
			return answered, unanswered(c.Target, err)
		}
		late.Reset(c.Interval + answerTimeout)
		if err := show(lagOf(res, c.Group)); err != nil {
			return false, err
		}
	}
}

// unanswered says in a sentence why a process did not answer.
func unanswered(target string, err error) error {
	switch st := status.Convert(err); st.Code() {
	case codes.Unimplemented:
		return fmt.Errorf("%s is no process of Floodgate, or one that cannot be looked into", target)
	case codes.DeadlineExceeded, codes.Canceled:
		return fmt.Errorf("%s did not answer within %s", target, answerTimeout)
	default:
		return fmt.Errorf("%s does not answer: %s", target, oneLine(st.Message()))
	}
}

// shower answers what shows a view: in place, as lines, or as JSON.
func (c *lagCmd) shower(s streams) func(*lagView) error {
	if c.Output == "json" {
		return func(v *lagView) error { return writeLagJSON(s.out, v, c.Once) }
	}
	screen := newScreen(s.out)
	if c.Once || screen == nil {
		return func(v *lagView) error { return writeLag(s.out, v, false) }
	}
	return screen.show
}
