package drain

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote"
	"floodgate.internal/tests/bench/internal/stack"
	"floodgate.internal/tests/bench/internal/usage"
	"floodgate.internal/tests/bench/internal/votelog"
)

// ServiceName is the name of the child that drains with the vote service.
const ServiceName = "drain"

const (
	// lookEvery is how often the count is read: often against the seconds of a
	// drain, and below a hundredth of what the store can answer.
	lookEvery = 50 * time.Millisecond
	// commitEvery bounds how late the ledger's end is seen, which only its
	// commits tell; the default of 500 ms would be an error of 5 %.
	commitEvery = 100 * time.Millisecond
)

// serviceSettings say what is drained and by whom.
type serviceSettings struct {
	Stack   stack.Settings
	Role    vote.Role
	Records int
}

// Service is a child with the vote service in one consuming role. The tally is
// read through the role api beside it, which does nothing else.
func Service(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var s serviceSettings
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: stack.Quiet}))
	srv, err := rpc.NewServer(rpc.ServerConfig{Log: log})
	if err != nil {
		return err
	}
	cfg, drained := s.wire(srv)
	service, err := vote.New(cfg, vote.Deps{Log: log}, srv)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work, ctx := errgroup.WithContext(ctx)
	joined := make(chan measurement, 1)
	work.Go(func() error { return service.Run(ctx, func() { joined <- begin() }) })
	work.Go(func() error {
		defer cancel()
		return await(ctx, joined, drained, func(m measurement) { ready(m.end(int64(s.Records))) })
	})
	return work.Wait()
}

// wire answers the service's settings and what says that all is drained.
func (s serviceSettings) wire(srv *rpc.Server) (vote.Config, func(context.Context) (bool, error)) {
	kafka := broker.Config{Brokers: s.Stack.Servers.Kafka, Scale: broker.ScaleDev}
	cfg := s.Stack.Config(kafka)
	if s.Role == vote.RoleLedger {
		cfg.Roles, cfg.CommitEvery = []vote.Role{s.Role}, commitEvery
		return cfg, func(context.Context) (bool, error) { return committed(kafka, topics.GroupVoteLedger) }
	}
	cfg.Roles = []vote.Role{vote.RoleTally, vote.RoleAPI}
	client := votev1.NewVoteServiceClient(srv.Local())
	return cfg, func(ctx context.Context) (bool, error) {
		tally, err := client.GetTally(ctx, &votev1.GetTallyRequest{PollId: poll})
		return tally.GetTotal()+tally.GetDuplicates()+tally.GetRejected() == votelog.Distinct(s.Records), err
	}
}

// await looks until everything is drained.
func await(ctx context.Context, joined <-chan measurement, drained func(context.Context) (bool, error), done func(measurement)) error {
	var m measurement
	select {
	case m = <-joined:
	case <-ctx.Done():
		return nil
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		all, err := drained(ctx)
		if err != nil {
			return err
		}
		if all {
			done(m)
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// measurement is where a drain began.
type measurement struct {
	at     time.Time
	before usage.Usage
}

func begin() measurement { return measurement{time.Now(), usage.Self()} }

func (m measurement) end(records int64) Result {
	after := usage.Self()
	return Result{
		Records: records, Seconds: time.Since(m.at).Seconds(),
		CPUSeconds: (after.CPU - m.before.CPU).Seconds(), PeakBytes: after.PeakBytes,
	}
}
