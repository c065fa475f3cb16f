package redrive_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/services/dlq/internal/redrive"
)

// trail is a log by hand, of a group that tells nothing.
type trail struct {
	offsets
	letters map[int32]int64
	// kept is asked whether the letters are, and asked counts how often.
	kept  func(t *trail) bool
	asked int
	gone  []string
	mu    sync.Mutex
}

func (t *trail) Committed(ctx context.Context, group, topic string) (map[int32]int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.offsets.Committed(ctx, group, topic)
}

// commit moves the group's offset.
func (t *trail) commit(offset int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.committed = map[int32]int64{0: offset}
}

func (*trail) Heard(context.Context) (map[int32]int64, error) { return nil, nil }

func (t *trail) LetterEnds(context.Context, string) (map[int32]int64, error) { return t.letters, nil }

func (t *trail) Kept(_ context.Context, topic string, ends map[int32]int64) (bool, error) {
	t.asked++
	if topic != "again.DLT" || ends[3] != 8 {
		return false, fmt.Errorf("asked for %s to %v", topic, ends)
	}
	return t.kept(t), nil
}

func (t *trail) Standing(_ context.Context, topic string, published []redrive.Unconfirmed) ([]redrive.Unconfirmed, error) {
	var standing []redrive.Unconfirmed
	for _, u := range published {
		if u.Topic != topic {
			return nil, fmt.Errorf("%s is asked for a record of %s", topic, u.Topic)
		}
		if !slices.Contains(t.gone, u.Failure) {
			standing = append(standing, u)
		}
	}
	return standing, nil
}

// published are records at offsets 1 to 4 of partition 0 that wait for outcomes;
// those that failed again do not.
type published struct {
	redrive.Replays
	failed, applied, lost []string
}

func (p *published) Unconfirmed(_ context.Context, routes []redrive.Route, _ int64, _ int) ([]redrive.Unconfirmed, error) {
	return make([]redrive.Unconfirmed, len(routes)), nil
}

func (p *published) Passed(_ context.Context, r redrive.Route, below map[int32]int64, _ int) ([]redrive.Unconfirmed, error) {
	var passed []redrive.Unconfirmed
	for n := int64(1); n <= 4 && n < below[0]; n++ {
		if f := fmt.Sprint("f", n); !slices.Contains(slices.Concat(p.failed, p.applied, p.lost), f) {
			passed = append(passed, redrive.Unconfirmed{Replay: "r", Failure: f, Item: n, Topic: r.Topic, Group: r.Group, Offset: n})
		}
	}
	return passed, nil
}

func (p *published) take(into *[]string, all []redrive.Unconfirmed) (int, error) {
	for _, u := range all {
		if !slices.Contains(p.failed, u.Failure) {
			*into = append(*into, u.Failure)
		}
	}
	return len(all), nil
}

func (p *published) Infer(_ context.Context, passed []redrive.Unconfirmed, _ int64) (int, error) {
	return p.take(&p.applied, passed)
}

func (p *published) Lose(_ context.Context, lost []redrive.Unconfirmed, _ int64) (int, error) {
	return p.take(&p.lost, lost)
}

func billing(wait time.Duration) []redrive.Route {
	return append(routes(), redrive.Route{Topic: "orders", Group: "billing", To: "again", Letters: "again.DLT", Wait: wait})
}

// What a group has passed in silence was applied, once all letters that it may
// have written by then are kept: one that is on its way is waited for. What is no
// longer where it was published is nobody's to vouch for.
func TestSilenceMeansApplied(t *testing.T) {
	t.Parallel()
	p := &published{}
	l := &trail{offsets: offsets{committed: map[int32]int64{0: 4}}, letters: map[int32]int64{3: 8}, gone: []string{"f3"}}
	l.kept = func(l *trail) bool {
		if l.asked == 3 { // the letter of the first was at 7
			p.failed = []string{"f1"}
		}
		return l.asked >= 3
	}
	i := redrive.NewInference(p, l, billing(0), slog.New(slog.DiscardHandler))
	lost, err := i.Look(t.Context())
	if err != nil || lost != 1 || !slices.Equal(p.applied, []string{"f2"}) || !slices.Equal(p.lost, []string{"f3"}) || l.asked != 3 {
		t.Errorf("applied %v, lost %v after %d looks, %v", p.applied, p.lost, l.asked, err)
	}
	l.commit(5)
	if _, err := i.Look(t.Context()); err != nil || !slices.Equal(p.applied, []string{"f2", "f4"}) {
		t.Errorf("applied %v, %v", p.applied, err)
	}
}

// A group that may still retry a record elsewhere has passed it for as long as its
// route says, before its silence means anything; what came later waits anew.
func TestSilenceIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		l := &trail{offsets: offsets{committed: map[int32]int64{0: 3}}, letters: map[int32]int64{3: 8}, kept: func(*trail) bool { return true }}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			redrive.NewInference(p, l, billing(10*time.Minute), slog.New(slog.DiscardHandler)).Run(ctx)
		}()
		defer func() {
			cancel()
			<-ended
		}()
		step := func(d time.Duration, committed int64, want ...string) {
			t.Helper()
			time.Sleep(d) //nolint:forbidigo // inside a synctest bubble
			synctest.Wait()
			if !slices.Equal(p.applied, want) {
				t.Errorf("applied %v, want %v", p.applied, want)
			}
			l.commit(committed)
		}
		step(5*time.Minute, 5)
		step(4*time.Minute+55*time.Second, 5)
		step(10*time.Second, 5, "f1", "f2")
		step(4*time.Minute+30*time.Second, 5, "f1", "f2")
		step(90*time.Second, 5, "f1", "f2", "f3", "f4")
	})
}

// A group that tells outcomes is never taken by its silence.
func TestOnlySilentGroupsAreInferred(t *testing.T) {
	t.Parallel()
	p := &published{}
	l := &trail{offsets: offsets{committed: map[int32]int64{0: 9}}, letters: map[int32]int64{3: 8}, kept: func(*trail) bool { return true }}
	if _, err := redrive.NewInference(p, l, routes(), slog.New(slog.DiscardHandler)).Look(t.Context()); err != nil || len(p.applied)+len(p.lost) > 0 {
		t.Errorf("applied %v, lost %v, %v", p.applied, p.lost, err)
	}
}
