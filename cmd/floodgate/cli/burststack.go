package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/settings"
	"floodgate.internal/cmd/floodgate/burst"
	"floodgate.internal/cmd/floodgate/up"
)

// burstStack is everything, run beside the burst in this process. What it
// stores goes when it stops.
type burstStack struct {
	addrs  up.Addresses
	dir    string
	cancel context.CancelFunc
	ended  chan error
}

// start runs everything on free ports, in a data directory of its own, and
// waits until it is ready. The caller stops it.
func (c *burstCmd) start(ctx context.Context, s streams) (*burstStack, error) {
	settings.TuneMemory()
	observed := settings.Observed{LogLevel: c.LogLevel, LogFormat: "text"}
	tel, err := observed.Telemetry(ctx, introspect.ReadBuild().Version, s.err)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "floodgate-burst-")
	if err != nil {
		return nil, fmt.Errorf("making a data directory: %w", err)
	}
	stack, err := up.New(up.Config{
		HTTPAddr: "127.0.0.1:0", GRPCAddr: "127.0.0.1:0", KafkaAddr: "127.0.0.1:0", DataDir: filepath.Join(dir, "data"),
		KafkaBrokers: c.KafkaBrokers, RedisAddrs: c.RedisAddrs, RedisPasswordFile: c.RedisPasswordFile, DatabaseURL: c.DatabaseURL,
	}, tel)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	// A signal ends the burst first, then what it runs on.
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	b := &burstStack{dir: dir, cancel: cancel, ended: make(chan error, 1)}
	go func() {
		err := stack.Run(run)
		_ = tel.Shutdown(context.WithoutCancel(ctx))
		b.ended <- err
	}()
	if err := b.await(ctx, stack); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	return b, nil
}

// await returns when the stack is ready, or why it never will be.
func (b *burstStack) await(ctx context.Context, stack *up.Stack) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	var ready error
	go func() {
		defer close(done)
		if b.addrs, ready = stack.Addresses(ctx); ready == nil {
			ready = stack.Ready(ctx)
		}
	}()
	select {
	case <-done:
		return ready
	case err := <-b.ended:
		// The waiting goroutine writes addrs: it has to end before anybody reads.
		cancel(err)
		<-done
		b.ended <- err // for stop
		return errors.New("everything stopped before it was ready")
	}
}

// target is where a protocol is served.
func (b *burstStack) target(p burst.Protocol) string {
	if p == burst.GRPC {
		return b.addrs.GRPC
	}
	return "http://" + b.addrs.HTTP
}

// stop ends everything in order and removes what it stored.
func (b *burstStack) stop() error {
	b.cancel()
	return errors.Join(<-b.ended, os.RemoveAll(b.dir))
}
