package consume

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"
)

// RunAll runs groups, and what works beside them, until ctx ends or one of them
// fails, which ends them all; it returns when all have ended. ready is called
// once, when every group has joined. What works beside may return nil sooner
// without ending anything. The error is the first fault, nil where ctx ended.
func RunAll(ctx context.Context, groups []*Group, ready func(), beside ...func(context.Context) error) error {
	work, ctx := errgroup.WithContext(ctx)
	for _, group := range groups {
		work.Go(func() error { return group.Run(ctx) })
	}
	for _, run := range beside {
		work.Go(func() error { return run(ctx) })
	}
	work.Go(func() error {
		for _, group := range groups {
			select {
			case <-group.Ready():
			case <-ctx.Done():
				return nil
			}
		}
		ready()
		<-ctx.Done()
		return nil
	})
	if err := work.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
