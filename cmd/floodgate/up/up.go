// Package up runs all of Floodgate in one process: the embedded broker and SQL
// in a data directory, every service, the gateway. Each embedded part is
// replaced by a real server through one setting; the services cannot tell.
package up

import (
	"context"
	"net"
	"sync"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/embedded"
	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/telemetry"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
	"floodgate.internal/services/gateway"
	"floodgate.internal/services/vote"
)

// Stack is everything in one process. Run is called once.
type Stack struct {
	cfg       Config
	tel       *telemetry.Telemetry
	rpc       *rpc.Server
	inspected *introspect.Registry
	ready     *lifecycle.Readiness

	mu    sync.Mutex
	addrs Addresses
	// listening is closed when every address is known.
	listening chan struct{}
}

// New answers a stack; nothing is opened before Run. The error names every
// wrong setting.
func New(cfg Config, tel *telemetry.Telemetry) (*Stack, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	srv, err := rpc.NewServer(rpc.ServerConfig{Log: tel.Log, Tracer: tel.Tracer, Propagator: tel.Propagator, Metrics: tel.Registry})
	if err != nil {
		return nil, err
	}
	s := &Stack{
		cfg: cfg, tel: tel, rpc: srv, inspected: introspect.New(introspect.ReadBuild()),
		ready: lifecycle.NewReadiness(), listening: make(chan struct{}),
	}
	s.inspected.Register(srv)
	return s, nil
}

// Run serves until ctx ends, then stops in order: the edge, the RPCs, the
// services with their consumers and publishers, the broker.
func (s *Stack) Run(ctx context.Context) error {
	seq, err := lifecycle.New(lifecycle.Config{Log: s.tel.Log, DrainDelay: s.cfg.DrainDelay, Readiness: s.ready},
		s.broker(), s.vote(), s.dlq(), s.rpc.Component(s.cfg.GRPCAddr, s.listens(func(a *Addresses, addr string) { a.GRPC = addr })),
		s.gateway(), s.rpc.HealthComponent(s.ready), s.announce())
	if err != nil {
		return err
	}
	return seq.Run(ctx)
}

// broker is the embedded one, unless brokers are named.
func (s *Stack) broker() lifecycle.Component {
	if len(s.cfg.KafkaBrokers) > 0 {
		s.addrs.Kafka = s.cfg.KafkaBrokers[0]
		return lifecycle.Component{Name: "Kafka"}
	}
	var b *embedded.Broker
	return lifecycle.Component{
		Name: "embedded broker",
		Start: func(ctx context.Context) error {
			var err error
			b, err = embedded.StartBroker(ctx, embedded.BrokerConfig{
				Addr: s.cfg.KafkaAddr, DataDir: s.cfg.DataDir, Partitions: partitions(), Log: s.tel.Log,
			})
			if err != nil {
				return err
			}
			s.set(func(a *Addresses) { a.Kafka = b.Addrs()[0] })
			s.cfg.KafkaBrokers = b.Addrs()
			return nil
		},
		Stop: func(context.Context) error { return b.Close() },
	}
}

// partitions is what the catalogue's topics have together, and the offsets of
// the groups.
func partitions() int {
	n := 0
	for _, t := range topics.Catalogue() {
		n += int(t.PartitionsDev)
	}
	return n
}

// vote is made at its start, when the broker's address is known.
func (s *Stack) vote() lifecycle.Component {
	var inner lifecycle.Component
	return lifecycle.Component{
		Name: "vote",
		Start: func(context.Context) error {
			database, err := s.cfg.database()
			if err != nil {
				return err
			}
			service, err := vote.New(vote.Config{
				Kafka:       broker.Config{Brokers: s.cfg.KafkaBrokers, Scale: broker.ScaleDev},
				DatabaseURL: database, RedisAddrs: s.cfg.RedisAddrs, RedisPasswordFile: s.cfg.RedisPasswordFile,
			}, vote.Deps{Log: s.tel.Log, Tracer: s.tel.Tracer, Metrics: s.tel.Registry, Introspect: s.inspected}, s.rpc)
			if err != nil {
				return err
			}
			inner = service.Component()
			return nil
		},
		Run:   func(ctx context.Context) error { return inner.Run(ctx) },
		Ready: func(ctx context.Context) error { return inner.Ready(ctx) },
	}
}

// dlq is made at its start, as vote is.
func (s *Stack) dlq() lifecycle.Component {
	var inner lifecycle.Component
	return lifecycle.Component{
		Name: "dlq",
		Start: func(context.Context) error {
			database, err := s.cfg.database()
			if err != nil {
				return err
			}
			service, err := dlq.New(dlq.Config{
				Kafka: broker.Config{Brokers: s.cfg.KafkaBrokers, Scale: broker.ScaleDev}, DatabaseURL: database,
				Topics: s.cfg.DLQTopics, Routes: s.cfg.DLQRoutes, Edit: s.cfg.DLQEdit,
			}, dlq.Deps{Log: s.tel.Log, Tracer: s.tel.Tracer, Metrics: s.tel.Registry, Introspect: s.inspected}, s.rpc)
			if err != nil {
				return err
			}
			inner = service.Component()
			return nil
		},
		Run:   func(ctx context.Context) error { return inner.Run(ctx) },
		Ready: func(ctx context.Context) error { return inner.Ready(ctx) },
	}
}

// gateway reaches the services within the process.
func (s *Stack) gateway() lifecycle.Component {
	var g *gateway.Gateway
	return lifecycle.Component{
		Name: "gateway",
		Start: func(ctx context.Context) error {
			cfg := gateway.DefaultConfig()
			cfg.Addr = s.cfg.HTTPAddr
			var err error
			g, err = gateway.New(cfg, gateway.Dependencies{Vote: s.rpc.Local(), DLQ: s.rpc.Local(), Readiness: s.ready, Telemetry: s.tel}) //nolint:contextcheck // for a default not taken here
			if err != nil {
				return err
			}
			addr, err := g.Listen(ctx)
			if err != nil {
				return err
			}
			s.set(func(a *Addresses) { a.HTTP = addr.String() })
			return nil
		},
		Run:  func(ctx context.Context) error { return g.Run(ctx) },
		Stop: func(ctx context.Context) error { return g.Stop(ctx) },
	}
}

// listens notes an address.
func (s *Stack) listens(note func(*Addresses, string)) func(net.Addr) {
	return func(addr net.Addr) { s.set(func(a *Addresses) { note(a, addr.String()) }) }
}

func (s *Stack) set(change func(*Addresses)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.addrs)
}
