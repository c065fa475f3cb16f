package redrive

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
)

const (
	// adoptEvery is how often a Runner looks for replays that nobody runs.
	adoptEvery = 250 * time.Millisecond
	// adoptLimit is how many replays it takes over at a time.
	adoptLimit = 16
	// lookEvery is how often a replay that waits for outcomes is looked at.
	lookEvery = 100 * time.Millisecond
	// leaseParts is how often a lease is renewed while it lasts: two renewals may
	// fail before it is lost.
	leaseParts = 3
	// storePause is the wait after the store or Kafka was away.
	storePause = time.Second
)

// Runner publishes what replays have selected, in order, and ends them. A replay
// is run by one Runner at a time, of all processes: the store leases it. Where a
// lease has passed while its owner was still at work, two may publish the same
// records, which their groups take once.
//
// Nothing that matters is kept in memory between two looks at a replay: what has
// been published, which step the canary has reached and whether too many failed
// follows from the store. So a replay goes on after a crash of anything where it
// was written down last, and repeats at most one portion.
type Runner struct {
	replays Replays
	carrier *carrier
	owner   string
	lease   time.Duration
	log     *slog.Logger
}

// NewRunner answers a runner; records go to Kafka by the routes. The lease is how
// long a replay stays without a runner after its own was killed.
func NewRunner(replays Replays, kafka Redeliverer, routes []Route, lease time.Duration, log *slog.Logger) *Runner {
	return &Runner{
		replays: replays, owner: uuid.NewString(), lease: lease, log: log,
		carrier: &carrier{kafka: kafka, routes: routes, decided: replays},
	}
}

// Run takes over replays that nobody runs until ctx ends, and then gives them
// up, so that another process goes on at once.
func (r *Runner) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	var driven sync.Map // by id, those that it runs
	for {
		now := time.Now()
		ids, err := r.replays.Adopt(ctx, r.owner, now.UnixMicro(), now.Add(r.lease).UnixMicro(), adoptLimit)
		pause := adoptEvery
		if err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "replays cannot be looked for", slog.Any("error", err))
			pause = storePause
		}
		for _, id := range ids {
			// Its own whose lease has passed goes on where it is: run twice here, each
			// record would go out twice.
			if _, already := driven.LoadOrStore(id, true); already {
				continue
			}
			running.Go(func() {
				defer driven.Delete(id)
				r.keep(ctx, id)
			})
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// keep runs a replay and renews its lease meanwhile: a portion may take longer
// than that where Kafka is slow.
func (r *Runner) keep(ctx context.Context, id string) {
	driving, lost := context.WithCancel(ctx)
	defer lost()
	renewing, stop := context.WithCancel(ctx)
	var renewer sync.WaitGroup
	renewer.Go(func() {
		for sleep(renewing, r.lease/leaseParts) {
			if mine, err := r.renew(renewing, id); err == nil && !mine {
				lost()
			}
		}
	})
	ended := r.drive(driving, id)
	stop()
	renewer.Wait()
	if !ended {
		r.giveUp(ctx, id)
	}
}

// renew keeps the lease; false where it is somebody else's.
func (r *Runner) renew(ctx context.Context, id string) (bool, error) {
	return r.replays.Renew(ctx, id, r.owner, time.Now().Add(r.lease).UnixMicro())
}

// drive runs a replay until it has ended or is somebody else's; false where ctx
// ended before.
func (r *Runner) drive(ctx context.Context, id string) bool {
	log := r.log.With(slog.String("replay", id))
	log.InfoContext(ctx, "replay runs")
	var v view
	for {
		mine, err := r.renew(ctx, id)
		if err == nil && !mine {
			log.WarnContext(ctx, "replay is run by another instance")
			return true
		}
		pause, ended := time.Duration(0), false
		if err == nil {
			pause, ended, err = r.advance(ctx, id, &v)
		}
		if ended {
			return true
		}
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "replay waits", slog.Any("error", err))
			pause = storePause
		}
		if !sleep(ctx, pause) {
			return false
		}
	}
}

// giveUp ends the lease, with the little time there is at a shutdown.
func (r *Runner) giveUp(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := r.replays.Renew(ctx, id, r.owner, 0); err != nil {
		r.log.WarnContext(ctx, "replay goes on when its lease has passed", slog.String("replay", id), slog.Any("error", err))
	}
}

// advance takes a replay one step further and answers how long the next may
// wait, or that it has ended.
func (r *Runner) advance(ctx context.Context, id string, v *view) (pause time.Duration, ended bool, err error) {
	if v.stale(time.Now()) {
		if pause, ended, err = r.look(ctx, id, v); ended || err != nil || v.left == 0 {
			return pause, ended, err
		}
	}
	due, err := r.replays.Due(ctx, id, v.from, int(min(v.left, v.portion(v.rate))), portionBytes)
	if err != nil {
		return 0, false, err
	}
	if len(due) == 0 { // who ran it before has left some behind, or their failures are gone
		v.from, v.left = 0, 0
		return lookEvery, false, nil
	}
	sent, failed := r.carrier.carry(ctx, id, due)
	// What is in Kafka is written down also at a shutdown.
	if err := r.replays.Sent(context.WithoutCancel(ctx), id, sent, time.Now().UnixMicro()); err != nil {
		return 0, false, err
	}
	v.left -= int64(len(sent))
	if failed == nil {
		v.from = due[len(due)-1].Item + 1
	}
	return v.spent(time.Now(), len(sent), v.rate), false, failed
}

// look sees how far a replay is and decides what follows.
func (r *Runner) look(ctx context.Context, id string, v *view) (pause time.Duration, ended bool, err error) {
	begun := time.Now()
	replay, err := r.replays.Get(ctx, id)
	if err != nil {
		return 0, false, err
	}
	v.seen(&replay, begun, time.Now())
	switch {
	case replay.EndedAt != 0:
		return 0, true, nil
	case replay.State == letter.Canceled:
		return r.end(ctx, replay, letter.Canceled, "")
	case replay.Waiting > 0 && letter.TooMany(replay.Progress, int64(replay.StopPermille)):
		return r.end(ctx, replay, letter.Stopped, letter.StopReason(replay.Progress))
	case replay.Waiting == 0 && replay.Outstanding == 0:
		return r.end(ctx, replay, letter.Done, "")
	case replay.Waiting == 0:
		return max(lookEvery, time.Until(v.until)), false, r.replays.Confirming(ctx, id)
	default:
		return lookEvery, false, nil
	}
}

func (r *Runner) end(ctx context.Context, replay Replay, state letter.ReplayState, reason string) (time.Duration, bool, error) {
	if err := r.replays.End(ctx, replay.ID, state, reason, time.Now().UnixMicro()); err != nil {
		return 0, false, err
	}
	r.log.InfoContext(ctx, "replay ended", slog.String("replay", replay.ID), slog.Int64("applied", replay.Applied+replay.Already),
		slog.Int64("failed_again", replay.Failed), slog.String("reason", reason))
	return 0, true, nil
}

// sleep waits; false once ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
