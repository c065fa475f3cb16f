package consume

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"
	"go.opentelemetry.io/otel/trace"
)

// source is a claim as the client library gives it: the seam between the
// runtime and Kafka.
type source interface {
	// Messages are the partition's records in offset order. They come as the
	// client's own type: another channel in between costs more per record than
	// a lean handler does.
	Messages() <-chan *sarama.ConsumerMessage
	// Revoked is closed when the claim is to end; Messages may still hold
	// records then, which are no longer ours.
	Revoked() <-chan struct{}
	// Mark hands over the offset that the next commit is to carry.
	Mark(next int64)
}

// claim runs the handlers over one source until it is revoked.
//
//	start ──> running <──> retrying, outage, dead letter held
//	  │          │
//	  └──────────┴── revoked ──> drain ──> last commit ──> ended
//
// Fencing: only the commit loop marks offsets, and it ends before run returns.
// A handler that is still running then finishes into a channel that nobody
// reads, so a zombie can neither complete nor commit.
type claim struct {
	Claim
	cfg     *Config
	src     source
	roles   roles
	log     *slog.Logger
	tracing tracing

	// next is the frontier: every delivered record below it is done.
	next   atomic.Int64
	marked int64 // the commit loop's alone
	status status
	pool   *pool
	stacks *stacks // the group's
	keys   *keeper // nil where no keys are held
	window *window // nil for a BatchHandler
	crew   crew

	letterLog, stateLog, commitLog throttle
}

// roles are the parts that the service hands in; nil where it has none.
type roles struct {
	single    Handler
	batch     BatchHandler
	starter   ClaimStarter
	ender     ClaimEnder
	committer Committer
	dead      DeadLetterer
}

// run returns when the claim is over and nothing of it may commit any more.
// ctx carries values and is not canceled before: a shutdown reaches a claim as
// its revocation, so that handlers may finish.
func (c *claim) run(ctx context.Context) {
	defer c.pool.close()
	c.next.Store(c.Start)
	c.marked = c.Start
	started := c.start(ctx) && c.beginKeys(ctx)
	if started {
		ended := make(chan struct{})
		var commits sync.WaitGroup
		commits.Go(func() { c.commitUntil(ctx, ended) })
		c.consume(ctx)
		close(ended)
		commits.Wait()
		c.commit(ctx)
	}
	if c.roles.ender != nil {
		c.roles.ender.EndClaim(c.Claim)
	}
}

func (c *claim) consume(ctx context.Context) {
	// No handler runs inside Run's own trace, and none ends but as its claim says.
	ctx = trace.ContextWithSpanContext(context.WithoutCancel(ctx), trace.SpanContext{})
	if c.roles.single != nil {
		c.consumeKeyed(ctx)
		return
	}
	c.consumeBatches(ctx)
}

// start asks the handler until it lets the claim begin; false when the claim is
// revoked first.
func (c *claim) start(ctx context.Context) bool {
	if c.roles.starter == nil {
		return true
	}
	b := budget{retry: c.cfg.Retry}
	var t trouble
	defer c.clear(ctx, &t)
	for {
		out := c.attempt(ctx, &flight{step: StepStartClaim, offset: c.Start}, func(ctx context.Context) error {
			return c.roles.starter.StartClaim(ctx, c.Claim)
		})
		if out.err == nil {
			return true
		}
		b.failed(now(), out.err)
		c.note(ctx, &t, StateStarting, out.err, "tries", b.tries)
		if !c.pause(b.delay()) {
			return false
		}
	}
}

func (c *claim) revoked() bool {
	select {
	case <-c.src.Revoked():
		return true
	default:
		return false
	}
}
