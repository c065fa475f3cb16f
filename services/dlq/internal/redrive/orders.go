package redrive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"floodgate.internal/services/dlq/internal/letter"
)

const (
	// maxConflicts is how many conflicts an answer holds.
	maxConflicts = 100
	// watchEvery is how often a replay is looked at for those who watch it; a large
	// one less often, see lookShare.
	watchEvery = 250 * time.Millisecond
	// freezeTime bounds the freezing of a selection whose request has a name:
	// 100,000 failures take some seconds on two cores of their own, and half a
	// minute where these have much else to do.
	freezeTime = 5 * time.Minute
	// oneRate is the rate of a single failure's replay, which it never meets.
	oneRate = 1000
)

// Orders takes what operators ask of replays; a Runner carries it out, in this
// process or another. Safe for concurrent use.
type Orders struct {
	failures Failures
	replays  Replays
	routes   []Route
	// freezing are the selections that are being frozen, by their requests' names.
	freezing singleflight.Group
}

// NewOrders answers orders over a store; routes are where failures may go.
func NewOrders(failures Failures, replays Replays, routes []Route) *Orders {
	return &Orders{failures: failures, replays: replays, routes: routes}
}

// Order is a replay that is asked for.
type Order struct {
	// Filter selects; Text is how it was written.
	Filter letter.Filter
	Text   string
	// Rate, StopPermille, Canary and RequestID are those of the Replay.
	Rate, StopPermille int32
	Canary             bool
	RequestID          string
	Actor, Reason      string
}

// selection takes PARKED failures only where the filter names that status.
func (o *Orders) selection(f letter.Filter) Selection {
	s := Selection{Filter: f, Routes: o.routes}
	f.Each(func(c letter.Comparison) {
		s.Parked = s.Parked || c.Field == letter.FieldStatus && c.Op == letter.Equal && letter.Status(c.Number) == letter.Parked //nolint:gosec // a status
	})
	return s
}

// DryRun answers what Create would do now.
func (o *Orders) DryRun(ctx context.Context, order Order) (Survey, error) {
	return o.replays.Survey(ctx, o.selection(order.Filter), maxConflicts)
}

// Create freezes a selection for replay and says what it holds. Asked again under
// the same RequestID it answers the replay that is there; under one it goes on
// freezing when whoever asked has stopped waiting. Errors: ErrNothingSelected.
func (o *Orders) Create(ctx context.Context, order Order) (Replay, Survey, error) {
	survey, err := o.DryRun(ctx, order)
	if err != nil {
		return Replay{}, survey, err
	}
	r, err := o.freeze(ctx, order, o.selection(order.Filter))
	return r, survey, err
}

func (o *Orders) freeze(ctx context.Context, order Order, s Selection) (Replay, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Replay{}, fmt.Errorf("making a replay's id: %w", err)
	}
	r := Replay{
		ID: id.String(), RequestID: order.RequestID, Actor: order.Actor, Reason: order.Reason, Filter: order.Text,
		Rate: order.Rate, StopPermille: order.StopPermille, Canary: order.Canary, CreatedAt: time.Now().UnixMicro(),
	}
	if order.RequestID == "" {
		return o.replays.Freeze(ctx, r, s)
	}
	// A large selection may take longer than its request may. Given up then, it
	// would be given up each time; so it goes on, once, and who asks again is
	// answered by it.
	done := o.freezing.DoChan(order.RequestID, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), freezeTime)
		defer cancel()
		return o.replays.Freeze(ctx, r, s)
	})
	select {
	case result := <-done:
		frozen, _ := result.Val.(Replay)
		return frozen, result.Err
	case <-ctx.Done():
		return Replay{}, context.Cause(ctx)
	}
}

// One replays one failure, OPEN or PARKED, and answers the replay; while one has
// it, that one. Errors: ErrNoFailure, letter.ErrStep, ErrNothingSelected,
// ErrReplaced.
func (o *Orders) One(ctx context.Context, failure, actor, reason string) (string, error) {
	order := Order{Actor: actor, Reason: reason, Rate: oneRate, StopPermille: 1000}
	r, err := o.freeze(ctx, order, Selection{Failure: failure, Parked: true, Routes: o.routes})
	if err == nil {
		return r.ID, nil
	}
	if !errors.Is(err, ErrNothingSelected) {
		return "", err
	}
	if holder, held := o.replays.Holder(ctx, failure); held != nil || holder != "" {
		return holder, held
	}
	f, known := o.failures.Get(ctx, failure)
	if known != nil {
		return "", known
	}
	if _, may := f.Status.After(letter.Claimed); may != nil {
		return "", fmt.Errorf("failure %s is %s: %w", failure, f.Status, may)
	}
	made, known := o.replays.ReplacedBy(ctx, f.Topic, f.EventID)
	if known == nil && made != nil {
		known = fmt.Errorf("event %s, by replay %s: %w", made.By, made.Replay, ErrReplaced)
	}
	if known != nil {
		return "", known
	}
	return "", err
}

// Get answers how far a replay has come. Errors: ErrNoReplay.
func (o *Orders) Get(ctx context.Context, id string) (Replay, error) { return o.replays.Get(ctx, id) }

// Watch sends how far a replay has come, now and at every change, until it has
// ended. Errors: ErrNoReplay, those of send, and the end of ctx.
func (o *Orders) Watch(ctx context.Context, id string, send func(Replay) error) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var last Replay
	for {
		begun := time.Now()
		r, err := o.replays.Get(ctx, id)
		if err != nil {
			return err
		}
		tick.Reset(max(watchEvery, lookShare*time.Since(begun)))
		if r != last {
			if err := send(r); err != nil {
				return err
			}
			last = r
		}
		if r.EndedAt != 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// Cancel ends a replay: what it has published goes on to its outcome, the rest is
// given back. Errors: ErrNoReplay, ErrReplayEnded, ErrDecided.
func (o *Orders) Cancel(ctx context.Context, id, actor, reason string) (Replay, error) {
	if err := o.replays.Cancel(ctx, id, entry(ActionCanceled, actor, reason)); err != nil {
		return Replay{}, err
	}
	return o.replays.Get(ctx, id)
}
