package casting

import (
	"context"
	"time"
)

// Watch calls each with the count of a poll now and whenever it has changed,
// looked at in the interval given, until ctx ends or each fails. Errors: those
// of Read and of each; nil where ctx ended.
func (c *Counter) Watch(ctx context.Context, poll string, every time.Duration, each func(Reading) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var last Reading
	for first := true; ; first = false {
		r, err := c.Read(ctx, poll)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case first || !r.Counts.Equal(last.Counts) || r.Lag != last.Lag:
			if err := each(r); err != nil {
				return err
			}
		}
		last = r
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
