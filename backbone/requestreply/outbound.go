package requestreply

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// Why a reply is not sent.
var (
	errNotReplyTopic = errors.New("the request's reply topic is none of this domain")
	errNoCorrelation = errors.New("the request has no correlation id")
	errTooMany       = errors.New("too many replies are on their way")
)

// outbound are the replies on their way. Safe for concurrent use.
type outbound struct {
	cfg       ResponderConfig
	publisher publisher
	slots     chan struct{}
	lanes     lanes
	work      sync.WaitGroup
	count     *prometheus.CounterVec // nil where nobody counts
	lines     throttle
}

func newOutbound(cfg ResponderConfig, p publisher) (*outbound, error) {
	o := &outbound{cfg: cfg, publisher: p, slots: make(chan struct{}, cfg.MaxReplies), lanes: lanes{of: make(map[string]*lane)}}
	if cfg.Metrics == nil {
		return o, nil
	}
	o.count = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "floodgate_reply_sent_total", Help: "Replies of this worker, by what became of them.",
		ConstLabels: prometheus.Labels{"domain": cfg.Domain},
	}, []string{"outcome"})
	if err := cfg.Metrics.Register(o.count); err != nil {
		return nil, fmt.Errorf("register the metrics of replies: %w", err)
	}
	return o, nil
}

// send replies to a request on a goroutine of its own, so that the request's
// record and those behind it do not wait for the broker. ctx gives the trace.
func (o *outbound) send(ctx context.Context, request *record.Record, message proto.Message) {
	topic, ok := request.Get(record.HeaderReplyTopic)
	if !ok {
		return // Nobody asked for one.
	}
	id, ok := request.Get(record.HeaderCorrelationID)
	switch {
	case !isReplyTopic(o.cfg.Domain, topic):
		o.settle(ctx, request, topic, errNotReplyTopic)
		return
	case !ok:
		o.settle(ctx, request, topic, errNoCorrelation)
		return
	}
	select {
	case o.slots <- struct{}{}:
	default:
		o.settle(ctx, request, topic, errTooMany)
		return
	}
	ctx = context.WithoutCancel(ctx) // The handler is done before the reply is.
	o.work.Go(func() {
		defer func() { <-o.slots }()
		o.settle(ctx, request, topic, o.publish(ctx, reply(request, topic, id, message)))
	})
}

// reply is the event of a reply. Its id is the same for the same request, so
// that an answer given twice is one.
func reply(request *record.Record, topic, correlation string, message proto.Message) publish.Event {
	cause, _ := request.Get(record.HeaderEventID)
	e := publish.Event{
		Topic: topic, Key: []byte(correlation), ID: record.EventID("reply", cause, correlation), Message: message,
		Headers: []record.Header{{Key: record.HeaderCorrelationID, Value: []byte(correlation)}},
	}
	if _, err := uuid.Parse(cause); err == nil {
		e.Headers = append(e.Headers, record.Header{Key: record.HeaderCausationID, Value: []byte(cause)})
	}
	return e
}

// publish sends within ReplyTimeout, by the lane of its topic.
func (o *outbound) publish(ctx context.Context, e publish.Event) error {
	ctx, cancel := context.WithTimeout(ctx, o.cfg.ReplyTimeout)
	defer cancel()
	l := o.lanes.enter(e.Topic)
	defer o.lanes.leave(e.Topic, l)
	if err := l.take(ctx); err != nil {
		return err
	}
	_, err := o.publisher.Publish(ctx, e)
	l.put(err)
	return err
}

// settle counts what became of a reply, and logs it where it was not sent.
func (o *outbound) settle(ctx context.Context, request *record.Record, topic string, err error) {
	if o.count != nil {
		o.count.WithLabelValues(fate(err)).Inc()
	}
	if err == nil {
		return
	}
	if suppressed, ok := o.lines.pass(); ok {
		cause, _ := request.Get(record.HeaderEventID)
		o.cfg.Log.WarnContext(ctx, "reply not sent", "topic", topic, "causation_id", cause, "error", err, "suppressed", suppressed)
	}
}

// fate is the label of what became of a reply.
func fate(err error) string {
	switch {
	case err == nil:
		return "sent"
	case errors.Is(err, errNotReplyTopic), errors.Is(err, errNoCorrelation):
		return "refused"
	case errors.Is(err, errTooMany):
		return "dropped"
	default:
		return "unsent"
	}
}

// close waits for the replies on their way.
func (o *outbound) close(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.work.Wait()
	}()
	if o.count != nil {
		defer o.cfg.Metrics.Unregister(o.count)
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("closing the responder: %d replies are still on their way: %w", len(o.slots), context.Cause(ctx))
	}
}

// isReplyTopic answers whether the name is a reply topic's of the domain: a
// header from outside must not direct records into any other topic.
func isReplyTopic(domain, name string) bool {
	of, _, ok := topics.ReplyOf(name)
	return ok && of == domain
}
