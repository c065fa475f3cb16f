package lifecycle

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// CheckTimeout bounds one readiness check: probes commonly wait a second.
const CheckTimeout = 800 * time.Millisecond

// WatchInterval is how often Watch asks; a load balancer's probe comes as
// often.
const WatchInterval = time.Second

// Missing is a check that does not pass.
type Missing struct {
	// Name is the check's.
	Name string
	// Reason is its error's text, for operators.
	Reason string
}

// Readiness is a set of named checks. Make it with NewReadiness; it is safe for
// concurrent use.
type Readiness struct {
	mu     sync.Mutex
	checks map[string]func(context.Context) error
}

// NewReadiness answers a set without checks: ready.
func NewReadiness() *Readiness {
	return &Readiness{checks: map[string]func(context.Context) error{}}
}

// Add sets the check of a name. A check answers nil or what is missing, within
// CheckTimeout; after that it counts as missing.
func (r *Readiness) Add(name string, check func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checks[name] = check
}

// Remove drops the check of a name.
func (r *Readiness) Remove(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.checks, name)
}

// Missing asks all checks at once and answers those that do not pass, by name;
// none means ready. It returns within CheckTimeout, or when ctx ends, whatever a
// check does.
func (r *Readiness) Missing(ctx context.Context) []Missing {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	r.mu.Lock()
	answers := make(map[string]chan error, len(r.checks))
	for name, check := range r.checks {
		answer := make(chan error, 1)
		answers[name] = answer
		go func() { answer <- check(ctx) }()
	}
	r.mu.Unlock()
	var missing []Missing
	for name, answer := range answers {
		if err := first(ctx, answer); err != nil {
			missing = append(missing, Missing{Name: name, Reason: err.Error()})
		}
	}
	slices.SortFunc(missing, func(a, b Missing) int { return cmp.Compare(a.Name, b.Name) })
	return missing
}

// first answers what comes first, the answer or ctx's end.
func first(ctx context.Context, answer <-chan error) error {
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-answer: // both at once
		return err
	default:
		return fmt.Errorf("no answer: %w", ctx.Err())
	}
}

// Watch calls changed now and whenever what is missing has changed, until ctx
// ends; gRPC health is set by it. It asks every WatchInterval.
func (r *Readiness) Watch(ctx context.Context, changed func(missing []Missing)) {
	ticker := time.NewTicker(WatchInterval)
	defer ticker.Stop()
	var last []Missing
	for told := false; ctx.Err() == nil; {
		if now := r.Missing(ctx); ctx.Err() == nil && (!told || !slices.Equal(now, last)) {
			last, told = now, true
			changed(now)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}
