package requestreply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// Worker does what requests ask for. Both methods may come again for the same
// record, and beside each other for different ones, as those of a
// consume.Handler. A nil message means no reply; an error is consume's to
// handle, and nothing is replied then.
type Worker interface {
	// Work carries the request out.
	Work(ctx context.Context, r *record.Record) (proto.Message, error)
	// Expire takes, in place of Work, a request whose deadline had passed before
	// this attempt. It must not begin anything: it stops what was not begun, and
	// resolves what was (SEMANTICS 16).
	Expire(ctx context.Context, r *record.Record) (proto.Message, error)
}

// ResponderConfig says whose requests are answered. Only Domain has no default.
type ResponderConfig struct {
	// Domain is whose reply topics are written to, and no others, whatever a
	// request's header says: topics.DomainPayment.
	Domain string
	// MaxReplies bounds the replies on their way: 4,096. Beyond it they are
	// dropped, logged and counted.
	MaxReplies int
	// ReplyTimeout is how long the broker may take for one: 5 s.
	ReplyTimeout time.Duration
	// Metrics takes the metrics; none are registered where nil.
	Metrics prometheus.Registerer
	// Log is silent where nil.
	Log *slog.Logger
}

// Responder is a consume.Handler that lets a Worker do the work and sends what
// it answers to whoever asked. A reply is best effort: it is never spooled, the
// request's record does not wait for it, and it cannot fail it (SEMANTICS 17).
// Safe for concurrent use.
type Responder struct {
	worker   Worker
	outbound *outbound
}

// NewResponder makes a Responder. The publisher stays the caller's, and is
// closed after the Responder. The error names every fault of cfg at once.
func NewResponder(cfg ResponderConfig, w Worker, p *publish.Publisher) (*Responder, error) {
	return newResponder(cfg, w, p)
}

func newResponder(cfg ResponderConfig, w Worker, p publisher) (*Responder, error) {
	cfg.MaxReplies = cmp.Or(cfg.MaxReplies, 4096)
	cfg.ReplyTimeout = cmp.Or(cfg.ReplyTimeout, 5*time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("responder of %q: %w", cfg.Domain, err)
	}
	out, err := newOutbound(cfg, p)
	if err != nil {
		return nil, err
	}
	return &Responder{worker: w, outbound: out}, nil
}

// validate names every fault at once; it is called after the defaults are in.
func (c ResponderConfig) validate() error {
	var errs []error
	if !isReplyTopic(c.Domain, topics.Reply(c.Domain, "a").Name) {
		errs = append(errs, fmt.Errorf("domain %q must be letters, digits, dash and underscore", c.Domain))
	}
	if c.MaxReplies < 0 {
		errs = append(errs, fmt.Errorf("max replies %d must be positive", c.MaxReplies))
	}
	if c.ReplyTimeout < 0 {
		errs = append(errs, fmt.Errorf("reply timeout %s must be positive", c.ReplyTimeout))
	}
	return errors.Join(errs...)
}

// Handle implements consume.Handler. A deadline that cannot be read makes the
// record undecodable: whether to start cannot be told.
func (r *Responder) Handle(ctx context.Context, rec *record.Record) error {
	late, err := expired(rec, time.Now())
	if err != nil {
		return err
	}
	do := r.worker.Work
	if late {
		do = r.worker.Expire
	}
	message, err := do(ctx, rec)
	if err != nil || message == nil {
		return err
	}
	r.outbound.send(ctx, rec, message)
	return nil
}

// expired answers whether the request's deadline has passed; one without a
// deadline never expires.
func expired(rec *record.Record, now time.Time) (bool, error) {
	text, ok := rec.Get(record.HeaderDeadline)
	if !ok {
		return false, nil
	}
	deadline, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return false, failure.As(failure.Undecodable, "BAD_DEADLINE", fmt.Errorf("header %s: %w", record.HeaderDeadline, err))
	}
	return !now.Before(deadline), nil
}

// Close waits until ctx ends for the replies on their way; it is called once no
// handler runs any more.
func (r *Responder) Close(ctx context.Context) error {
	return r.outbound.close(ctx)
}
