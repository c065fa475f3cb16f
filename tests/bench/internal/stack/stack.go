// Package stack is the vote service in a process of its own, put together as
// `floodgate up` does it, but with the roles that a benchmark asks for.
package stack

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/telemetry"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway"
	"floodgate.internal/services/vote"
	"floodgate.internal/tests/bench/internal/servers"
)

// askEvery is how often a starting service is asked whether it answers.
const askEvery = 20 * time.Millisecond

// Name is the child's name.
const Name = "vote"

// Settings say what runs in the process.
type Settings struct {
	Servers servers.Servers
	// DataDir is where the embedded parts keep their files.
	DataDir string
	// Roles of the vote service; all of them where none is named.
	Roles []vote.Role
	// REST adds the gateway.
	REST bool
	// Collector takes the sampled spans.
	Collector string
}

// Addresses are where the process listens, host:port; HTTP only with REST.
type Addresses struct{ GRPC, HTTP string }

// Run is the child: it is ready once the service answers.
func Run(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var s Settings
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	kafka, stop, err := Kafka(ctx, s.Servers, s.DataDir)
	if err != nil {
		return err
	}
	defer stop()
	tel, err := telemetry.New(ctx, telemetry.Config{Service: "bench", LogTo: os.Stderr, LogLevel: Quiet, OTLPEndpoint: s.Collector})
	if err != nil {
		return err
	}
	defer func() { _ = tel.Shutdown(context.WithoutCancel(ctx)) }()
	return s.run(ctx, kafka, tel, ready)
}

func (s Settings) run(ctx context.Context, kafka broker.Config, tel *telemetry.Telemetry, ready func(any)) error {
	srv, err := rpc.NewServer(rpc.ServerConfig{Log: tel.Log, Tracer: tel.Tracer, Propagator: tel.Propagator})
	if err != nil {
		return err
	}
	service, err := vote.New(s.Config(kafka), vote.Deps{Log: tel.Log, Tracer: tel.Tracer}, srv)
	if err != nil {
		return err
	}
	var addrs Addresses
	parts := []lifecycle.Component{
		service.Component(), srv.Component("127.0.0.1:0", func(a net.Addr) { addrs.GRPC = a.String() }),
	}
	if s.REST {
		edge, err := s.gateway(ctx, srv, tel, &addrs)
		if err != nil {
			return err
		}
		parts = append(parts, edge)
	}
	parts = append(parts, serving(votev1.NewVoteServiceClient(srv.Local()), func() { ready(addrs) }))
	seq, err := lifecycle.New(lifecycle.Config{Log: tel.Log}, parts...)
	if err != nil {
		return err
	}
	return seq.Run(ctx)
}

// Config is the service's, with its own defaults wherever it has one.
func (s Settings) Config(kafka broker.Config) vote.Config {
	cfg := vote.Config{Kafka: kafka, DatabaseURL: s.Servers.DatabaseURL, RedisAddrs: s.Servers.Redis, Roles: s.Roles}
	if cfg.DatabaseURL == "" {
		cfg.DatabaseURL = "sqlite://" + filepath.ToSlash(s.DataDir) + "/"
	}
	if len(s.Roles) == 1 && s.Roles[0] == vote.RoleAPI && len(cfg.RedisAddrs) == 0 {
		// Whoever only casts never reads the view, and a view in the process
		// would be refused without the role that fills it.
		cfg.RedisAddrs = []string{"127.0.0.1:1"}
	}
	return cfg
}

// gateway reaches the service within the process.
func (s Settings) gateway(ctx context.Context, srv *rpc.Server, tel *telemetry.Telemetry, addrs *Addresses) (lifecycle.Component, error) {
	cfg := gateway.DefaultConfig()
	cfg.Addr = "127.0.0.1:0"
	g, err := gateway.New(cfg, gateway.Dependencies{Vote: srv.Local(), Telemetry: tel}) //nolint:contextcheck // for a default not taken here
	if err != nil {
		return lifecycle.Component{}, err
	}
	addr, err := g.Listen(ctx)
	if err != nil {
		return lifecycle.Component{}, err
	}
	addrs.HTTP = addr.String()
	return g.Component(), nil
}

// unread is true of the view that Config names for a service that only casts.

// serving calls ready once the service answers. That is sooner than readiness,
// which also asks for a view that a process without consumers does not have here.
func serving(client votev1.VoteServiceClient, ready func()) lifecycle.Component {
	return lifecycle.Component{
		Name: "ready",
		Run: func(ctx context.Context) error {
			tick := time.NewTicker(askEvery)
			defer tick.Stop()
			for {
				_, err := client.ListPolls(ctx, &votev1.ListPollsRequest{})
				if status.Code(err) != codes.Unavailable {
					break
				}
				select {
				case <-tick.C:
				case <-ctx.Done():
					return nil
				}
			}
			ready()
			<-ctx.Done()
			return nil
		},
	}
}
