package consume

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
)

const (
	// firstRejoin and lastRejoin bound the pause before joining again after a
	// session broke.
	firstRejoin = 250 * time.Millisecond
	lastRejoin  = 5 * time.Second
	// flushEvery is how long a marked offset waits for its commit at most.
	flushEvery = 100 * time.Millisecond
	// heartbeatEvery is how often the broker hears from a member.
	heartbeatEvery = time.Second
	// leaveTimeout bounds leaving the group; a member that cannot is dropped by
	// the broker after its session timeout.
	leaveTimeout = 2 * time.Second
)

// Run joins the group and consumes until ctx ends, then drains, commits, leaves
// the group and answers nil. A broker that is away is waited for and a broken
// session is joined again, both with log lines.
//
// It answers an error where going on needs a person: an OffsetOutOfRangeError,
// or what broker.Open does not wait for.
func (g *Group) Run(ctx context.Context) error {
	for {
		err := g.member(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // ended as asked
		}
		if err != nil {
			return err
		}
	}
}

// member is one client's life; nil means that another one may try.
func (g *Group) member(ctx context.Context) error {
	client, err := broker.Open(ctx, g.broker, g.log)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	tune(client.Config(), &g.cfg)
	group, err := sarama.NewConsumerGroupFromClient(g.cfg.Group, client)
	if err != nil {
		return err
	}
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		g.report(group.Errors())
	}()
	err = g.sessions(ctx, client, group)
	g.leave(ctx, client, group)
	<-reported
	return err
}

// tune sets what differs from the other clients' configuration. The client has
// not read any of it yet.
func tune(c *sarama.Config, cfg *Config) {
	c.Consumer.Return.Errors = true
	// "Auto" commits what was marked, and nothing is marked but our frontier.
	// It also flushes when a claim or the session ends, with retries.
	c.Consumer.Offsets.AutoCommit.Enable = true
	// A flush without a new mark sends nothing, so it may look often.
	c.Consumer.Offsets.AutoCommit.Interval = min(cfg.CommitEvery, flushEvery)
	// A rebalance is learnt of with a heartbeat: by default after up to 3 s.
	c.Consumer.Group.Heartbeat.Interval = heartbeatEvery
	c.Consumer.Group.Session.Timeout = cfg.SessionTimeout
	c.Consumer.Group.Rebalance.Timeout = cfg.RebalanceTimeout
	c.Consumer.Group.ResetInvalidOffsets = cfg.ResumeOutOfRange
}

// sessions joins again and again until ctx ends or a person is needed.
func (g *Group) sessions(ctx context.Context, client sarama.Client, group sarama.ConsumerGroup) error {
	for pause := firstRejoin; ; pause = min(2*pause, lastRejoin) {
		began := now()
		err := g.session(ctx, client, group)
		if ctx.Err() != nil || errors.Is(err, sarama.ErrClosedConsumerGroup) {
			return nil //nolint:nilerr // ended as asked, or with its client: the next member has another
		}
		g.log.WarnContext(ctx, "session over, joining again", "err", err, "pause", pause)
		if gone := g.outOfRange(ctx, client); gone != nil {
			return gone
		}
		if now().Sub(began) > time.Minute {
			pause = firstRejoin
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// session is one stay in the group. Its end is bounded: a join that hangs at
// the coordinator is cut by closing the client.
func (g *Group) session(ctx context.Context, client sarama.Client, group sarama.ConsumerGroup) error {
	done := make(chan error, 1)
	s := &session{group: g, client: client, base: context.WithoutCancel(ctx)}
	go func() { done <- group.Consume(ctx, g.cfg.Topics, s) }()
	select {
	case err := <-done:
		return cmp.Or(err, s.cause)
	case <-ctx.Done():
	}
	bound := leaveTimeout
	if len(g.current()) > 0 {
		bound += 4 * g.cfg.DrainTimeout
	}
	select {
	case err := <-done:
		return err
	case <-time.After(bound):
		g.log.WarnContext(ctx, "session does not end, closing its connections", "after", bound)
		_ = client.Close()
		return <-done
	}
}

// leave leaves the group, so that its partitions move on at once.
func (g *Group) leave(ctx context.Context, client sarama.Client, group sarama.ConsumerGroup) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := group.Close(); err != nil && !client.Closed() {
			g.log.WarnContext(ctx, "leaving the group", "err", err)
		}
	}()
	select {
	case <-done:
	case <-time.After(leaveTimeout):
		_ = client.Close()
		<-done
	}
}

// report logs the client's errors, one a second at most: during an outage every
// partition has one.
func (g *Group) report(errs <-chan error) {
	var lines throttle
	for err := range errs {
		if suppressed, ok := lines.pass(now(), time.Second); ok {
			g.log.Warn("kafka consumer", "err", err, "suppressed", suppressed)
		}
	}
}
