// Package introspect tells an operator what a process is doing now: what its
// handlers are busy with, which partitions it has claimed, what it publishes,
// spools and waits for, and by which settings it runs.
//
// A process has one [Registry], which answers floodgate.ops.v1's
// IntrospectionService for all its services. A service adds a [Source] for each
// of its parts. Sources are asked when somebody asks, side by side and each
// within a time of its own: a part that hangs is named in the answer and holds
// up nothing. Secrets do not get in: see [Setting].
package introspect

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// Registry is what the services of one process tell of themselves. Make it with
// New; nil tells nothing. Safe for concurrent use.
type Registry struct {
	build   Build
	started time.Time

	mu    sync.Mutex
	parts []*part
}

// New answers an empty registry of a process that starts now.
func New(build Build) *Registry { return &Registry{build: build, started: time.Now()} }

// Add has the sources asked for the service of that name, until remove is
// called. The same name may be added to again: a service has its settings
// before it has reached what it depends on.
func (r *Registry) Add(service string, sources ...Source) (remove func()) {
	if r == nil {
		return func() {}
	}
	added := make([]*part, len(sources))
	for i, source := range sources {
		added[i] = &part{Source: source, service: service}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = append(r.parts, added...)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.parts = slices.DeleteFunc(r.parts, func(p *part) bool { return slices.Contains(added, p) })
	}
}

// Inspect asks the sources that req selects and answers what they told. It
// returns within a second, or when ctx ends, whatever a source does.
func (r *Registry) Inspect(ctx context.Context, req *opsv1.InspectRequest) *opsv1.InspectResponse {
	selected := r.selected(req)
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	told := make([]told, len(selected))
	var asking sync.WaitGroup
	for i, p := range selected {
		asking.Go(func() { told[i].state, told[i].err = p.ask(ctx) })
	}
	asking.Wait()
	for i, p := range selected {
		told[i].part = p
	}
	return r.answer(time.Now(), req, told)
}

// told is what a part answered.
type told struct {
	part  *part
	state State
	err   error
}

// selected are the parts that a request asks, by service; those of one service
// in the order in which they were added.
func (r *Registry) selected(req *opsv1.InspectRequest) []*part {
	r.mu.Lock()
	parts := slices.Clone(r.parts)
	r.mu.Unlock()
	parts = slices.DeleteFunc(parts, func(p *part) bool {
		names := req.GetServices()
		return len(names) > 0 && !slices.Contains(names, p.service) || !slices.ContainsFunc(p.sections, wanted(req))
	})
	slices.SortStableFunc(parts, func(a, b *part) int { return cmp.Compare(a.service, b.service) })
	return parts
}

// wanted answers whether a request asks for a section.
func wanted(req *opsv1.InspectRequest) func(section) bool {
	return func(s section) bool { return len(req.GetSections()) == 0 || slices.Contains(req.GetSections(), s) }
}
