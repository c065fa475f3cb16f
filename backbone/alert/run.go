package alert

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// leavePatience is how long Run waits for a request that is under way: the
// client's calls end only with their answer or its closing.
const leavePatience = time.Second

// Run reads the log and writes what is pending until ctx ends. It clears
// nothing at its end: what is raised holds until its next owner has looked.
func (b *Board) Run(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.keep(ctx)
	}()
	<-ctx.Done()
	patience := time.NewTimer(leavePatience)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
	}
	return nil
}

// keep settles at every change and every tick.
func (b *Board) keep(ctx context.Context) {
	tick := time.NewTicker(b.cfg.Every)
	defer tick.Stop()
	for ctx.Err() == nil {
		b.note(ctx, b.settle(ctx))
		select {
		case <-b.woken():
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// woken is the call of Change, unless the last attempt went wrong: then only
// the next tick tries again.
func (b *Board) woken() <-chan struct{} {
	if b.Err() != nil {
		return nil
	}
	return b.wake
}

// settle writes until the log says what is pending. What was written counts
// only once it is read back: another instance's record may stand before it.
func (b *Board) settle(ctx context.Context) error {
	for wrote := false; ; wrote = true {
		news, err := b.journal.Read(ctx)
		if err != nil {
			return fmt.Errorf("reading the alerts: %w", err)
		}
		due := b.learn(news)
		if len(due) == 0 || wrote && len(news.Entries) == 0 {
			return nil // what is due but cannot be read back is for the next tick
		}
		for _, a := range due {
			if err := b.append(ctx, a); err != nil {
				return fmt.Errorf("writing alert %s: %w", a.GetName(), err)
			}
		}
	}
}

// append writes one change, within the patience.
func (b *Board) append(ctx context.Context, a *opsv1.Alert) error {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	return b.journal.Append(ctx, a)
}

// learn takes what the log has and answers what is to be written now, by name:
// one change of each alert.
func (b *Board) learn(news News) []*opsv1.Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	if news.Anew {
		b.log = history{}
	}
	b.first = news.First
	for _, e := range news.Entries {
		b.log.apply(e)
	}
	b.loaded = true
	var due []*opsv1.Alert
	for _, name := range slices.Sorted(maps.Keys(b.pending)) {
		p := b.pending[name]
		if next := p.settle(name, b.log, b.first); next != nil {
			due = append(due, next)
			continue
		}
		delete(b.pending, name)
	}
	return due
}

// note keeps why the log cannot be reached, and logs the first time and the
// end. A stop is no failure.
func (b *Board) note(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	b.mu.Lock()
	was, waiting := b.err, len(b.pending)
	b.err = err
	b.mu.Unlock()
	switch {
	case err != nil:
		b.counts.failures.Inc()
		if was == nil {
			b.cfg.Log.WarnContext(ctx, "alerts cannot be published, they wait", "waiting", waiting, "err", err)
		}
	case was != nil:
		b.cfg.Log.InfoContext(ctx, "alerts are published again")
	}
}
