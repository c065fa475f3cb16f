package dependency

import (
	"context"
	"time"
)

// Run probes until ctx ends, and answers nil then. One Run per Dependency.
func (d *Dependency) Run(ctx context.Context) error {
	tick := time.NewTicker(d.cfg.ProbeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.probe(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// probe goes through the breaker: a success closes a half-open one and ends a
// row of failures, a failure counts as one more, whatever its error.
func (d *Dependency) probe(ctx context.Context) {
	_, err := d.breaker.Execute(func() (struct{}, error) {
		bounded, cancel := context.WithTimeout(ctx, d.cfg.ProbeTimeout)
		defer cancel()
		return struct{}{}, d.heard(ctx, d.cfg.Probe(bounded), true)
	})
	if err == nil { // else it failed, or the breaker has only just opened
		d.earned()
	}
}

func (d *Dependency) earned() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.probed = time.Now()
	d.credit.earn(d.cfg.Credit.Earn)
}
