package consume

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// layer is the key of a value that a handler adds.
type layer struct{}

// ask is what a handler may want of its context.
type ask struct {
	name string
	end  func(ctx context.Context) error // waits or not, answers Err
}

func asks() []ask {
	return []ask{
		{"Err", func(ctx context.Context) error { return ctx.Err() }},
		{"Done", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		{"derived", func(ctx context.Context) error {
			inner, cancel := context.WithCancel(context.WithValue(ctx, layer{}, "of its own"))
			defer cancel()
			<-inner.Done()
			return inner.Err()
		}},
		{"Cause", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }},
	}
}

// A term ends as a context of package context does: at its deadline, or sooner
// when it is cut, whoever asks first, before or after; and it keeps its reason.
func TestATermEndsLikeAContext(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{false, true} { // asked before it ends, so that it is made
		for _, cutAt := range []time.Duration{time.Second, 3 * time.Second} {
			for _, ask := range asks() {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					term := &term{values: context.Background(), until: began.Add(2 * time.Second)}
					if at, ok := term.Deadline(); !ok || !at.Equal(began.Add(2*time.Second)) || term.Err() != nil {
						t.Errorf("deadline %v, %v; %v", at, ok, term.Err())
					}
					if early {
						_ = term.Done()
					}
					time.AfterFunc(cutAt, term.cut)
					pass(min(cutAt, 2*time.Second))
					want := context.Canceled
					if cutAt > 2*time.Second {
						want = context.DeadlineExceeded
					}
					for _, after := range []time.Duration{0, 10 * time.Second} {
						pass(after)
						if got := ask.end(term); !errors.Is(got, want) || time.Since(began) != min(cutAt, 2*time.Second)+after {
							t.Errorf("early %v, cut after %s: %s answers %v after %s, want %v", early, cutAt, ask.name, got, time.Since(began), want)
						}
					}
				})
			}
		}
	}
}

// A context derived from one is ended by it without a goroutine that waits.
func TestADerivedContextIsTiedToItsTerm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		term := &term{values: context.Background(), until: time.Now().Add(time.Second)}
		f := &flight{Context: term}
		var ended []time.Duration
		began := time.Now()
		inner, cancel := context.WithTimeout(context.WithValue(f, layer{}, "of its own"), time.Hour)
		defer cancel()
		context.AfterFunc(inner, func() { ended = append(ended, time.Since(began)) })
		before := term.made.Load()
		pass(time.Minute)
		if len(ended) != 1 || ended[0] != time.Second || !errors.Is(inner.Err(), context.DeadlineExceeded) {
			t.Errorf("ended after %v: %v", ended, inner.Err())
		}
		if before == nil || before != term.made.Load() {
			t.Errorf("was %v, is %v", before, term.made.Load())
		}
	})
}

// Many may ask for its end while it is cut: all see the same one, and it comes.
func TestATermIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	for range 200 {
		term := &term{values: context.Background(), until: time.Now().Add(time.Hour)}
		var askers sync.WaitGroup
		begin := make(chan struct{})
		seen := make([]<-chan struct{}, 3)
		for i := range seen {
			askers.Go(func() {
				<-begin
				_ = term.Err()
				seen[i] = term.Done()
				<-seen[i]
			})
		}
		askers.Go(func() { <-begin; term.cut() })
		close(begin)
		askers.Wait()
		if seen[0] != seen[1] || seen[0] != seen[2] || !errors.Is(term.Err(), context.Canceled) {
			t.Fatalf("ends %v, %v", seen, term.Err())
		}
	}
}
