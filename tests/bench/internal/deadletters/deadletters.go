// Package deadletters measures the DLQ service in a process of its own: how fast
// it keeps a flood and in how much memory, against one bare COPY; how fast a
// replay is confirmed; how soon pages and groups of a million failures are
// answered.
package deadletters

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/servers"
	"floodgate.internal/tests/bench/internal/votelog"
)

const (
	// lookEvery is how often the service is asked how far it is: often against the
	// seconds of a measurement, and little of what it can answer.
	lookEvery = 50 * time.Millisecond
	// patience bounds what a contest waits for: what takes longer hangs.
	patience = 10 * time.Minute
)

// stand is a cluster with dead letters, and a database to keep them in.
type stand struct {
	env     rounds.Env
	servers servers.Servers
	broker  *child.Process // nil where Kafka is real
	// letters is how many were written so far; starts how often a service began.
	letters, starts int
}

func newStand(ctx context.Context, env rounds.Env) (*stand, error) {
	s := &stand{env: env, servers: env.Servers}
	if len(env.Servers.Kafka) == 0 {
		var at votelog.Bootstrap
		p, err := env.Children.Start(ctx, votelog.BrokerName, filepath.Join(env.Dir, "broker"), &at)
		if err != nil {
			return nil, err
		}
		s.broker, s.servers.Kafka = p, at.Addrs
	}
	return s, nil
}

func (s *stand) close() error {
	if s.broker == nil {
		return nil
	}
	return s.broker.Stop()
}

func (s *stand) kafka() broker.Config {
	return broker.Config{Brokers: s.servers.Kafka, Scale: broker.ScaleDev}
}

// write writes n letters more of a group.
func (s *stand) write(ctx context.Context, group string, n int) error {
	err := fill(ctx, s.kafka(), group, s.letters, n)
	s.letters += n
	return err
}

// database is where the service that began last keeps failures.
func (s *stand) database() string {
	if s.servers.DatabaseURL != "" {
		return s.servers.DatabaseURL
	}
	return "sqlite://" + filepath.ToSlash(filepath.Join(s.env.Dir, strconv.Itoa(s.starts))) + "/"
}

// service is a running DLQ service.
type service struct {
	dlqv1.DlqServiceClient
	process *child.Process
	conn    *grpc.ClientConn
}

// start starts the service, on SQLite in a directory of its own, and returns
// once it answers.
func (s *stand) start(ctx context.Context) (*service, error) {
	s.starts++
	var at address
	p, err := s.env.Children.Start(ctx, ServiceName, settings{Kafka: s.kafka(), DatabaseURL: s.database()}, &at)
	if err != nil {
		return nil, err
	}
	conn, err := rpc.Dial(at.GRPC, rpc.DialConfig{})
	if err != nil {
		return nil, err
	}
	d := &service{DlqServiceClient: dlqv1.NewDlqServiceClient(conn), process: p, conn: conn}
	return d, await(ctx, "the service answers", func() (bool, error) {
		_, err := d.kept(ctx)
		if status.Code(err) == codes.Unavailable {
			return false, nil
		}
		return err == nil, err
	})
}

func (d *service) stop() error {
	_ = d.conn.Close() // nothing is under way
	return d.process.Stop()
}

// kept answers how many failures are kept, of any status.
func (d *service) kept(ctx context.Context) (int, error) {
	stats, err := d.GetStats(ctx, &dlqv1.GetStatsRequest{})
	n := 0
	for _, of := range stats.GetByStatus() {
		n += int(of)
	}
	return n, err
}

// awaitKept waits until n failures are kept.
func (d *service) awaitKept(ctx context.Context, n int) error {
	return await(ctx, fmt.Sprintf("%d failures are kept", n), func() (bool, error) {
		kept, err := d.kept(ctx)
		return kept >= n, err
	})
}

// await asks until the answer is yes.
func await(ctx context.Context, what string, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if yes, err := ask(); yes || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, ctx.Err())
		}
	}
}
