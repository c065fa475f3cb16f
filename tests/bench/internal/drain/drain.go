// Package drain measures how fast the consumers take a full log: vote-tally
// against raw consumers that check nothing, vote-ledger against a bare COPY.
package drain

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/services/vote"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/load"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/servers"
	"floodgate.internal/tests/bench/internal/stack"
	"floodgate.internal/tests/bench/internal/votelog"
)

// poll is the poll of every vote here.
const poll = "bench"

// Result is what a draining child says at its end.
type Result struct {
	// Records is how many it took, Seconds how long from joining its group to
	// the last of them.
	Records int64
	Seconds float64
	// CPUSeconds is what the process used meanwhile.
	CPUSeconds float64
	PeakBytes  int64
}

func (r Result) sample() rounds.Sample {
	return rounds.Sample{
		Value: float64(r.Records) / r.Seconds, CPU: r.CPUSeconds / float64(r.Records) * 100_000, PeakBytes: r.PeakBytes,
	}
}

// reservoir is a full log, and how to begin with it anew.
type reservoir struct {
	env     rounds.Env
	servers servers.Servers
	broker  *child.Process // nil where Kafka is real
	records int
	drained int
}

// fill fills vote.cast, of real Kafka or of an embedded broker in a process of
// its own.
func fill(ctx context.Context, env rounds.Env) (*reservoir, error) {
	r := &reservoir{env: env, servers: env.Servers, records: env.Size(1_000_000, 2_000)}
	if len(env.Servers.Kafka) == 0 {
		var at votelog.Bootstrap
		p, err := env.Children.Start(ctx, votelog.BrokerName, filepath.Join(env.Dir, "broker"), &at)
		if err != nil {
			return nil, err
		}
		r.broker, r.servers.Kafka = p, at.Addrs
	}
	kafka := broker.Config{Brokers: r.servers.Kafka, Scale: broker.ScaleDev}
	if err := votelog.Fill(ctx, kafka, poll, r.records, load.Candidates); err != nil {
		return nil, fmt.Errorf("fill the log: %w", err)
	}
	return r, nil
}

func (r *reservoir) close() error {
	if r.broker == nil {
		return nil
	}
	return r.broker.Stop()
}

// anew forgets what was counted and opens the poll again; it answers the
// directory of the next drain.
func (r *reservoir) anew(ctx context.Context) (string, error) {
	if err := r.servers.ForgetCounts(ctx); err != nil {
		return "", err
	}
	r.drained++
	dir := filepath.Join(r.env.Dir, strconv.Itoa(r.drained))
	var at stack.Addresses
	p, err := r.env.Children.Start(ctx, stack.Name, stack.Settings{
		Servers: r.servers, DataDir: dir, Roles: []vote.Role{vote.RoleAPI},
	}, &at)
	if err != nil {
		return "", err
	}
	if err := load.OpenPoll(ctx, at.GRPC, poll); err != nil {
		return "", err
	}
	return dir, p.Stop()
}

// service drains with one role of the vote service.
func (r *reservoir) service(role vote.Role) func(context.Context) (rounds.Sample, error) {
	return func(ctx context.Context) (rounds.Sample, error) {
		dir, err := r.anew(ctx)
		if err != nil {
			return rounds.Sample{}, err
		}
		var result Result
		err = r.env.Children.Run(ctx, ServiceName, serviceSettings{
			Stack: stack.Settings{Servers: r.servers, DataDir: dir}, Role: role, Records: r.records,
		}, &result)
		return result.sample(), err
	}
}

// raw drains with a raw consumer.
func (r *reservoir) raw(way way, records int) func(context.Context) (rounds.Sample, error) {
	return func(ctx context.Context) (rounds.Sample, error) {
		r.drained++
		var result Result
		err := r.env.Children.Run(ctx, RawName, rawSettings{
			Servers: r.servers, Way: way, Records: int64(records), Group: fmt.Sprintf("bench-raw-%d", r.drained),
		}, &result)
		return result.sample(), err
	}
}
