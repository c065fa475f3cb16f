package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const (
	// maxStrikes is how often an advertised address is tried while the
	// bootstrap address answers and no broker can be reached.
	maxStrikes = 3
	// crashGrace is how long an address is tried while other brokers can be
	// reached: a broker that crashed stays in the metadata for its session,
	// 9 s by Kafka's default (broker.session.timeout.ms).
	crashGrace = 12 * time.Second
)

// UnreachableError says that the cluster answers at its bootstrap address and
// advertises another one for a broker, which cannot be reached from here:
// every later request would go to that address and time out. It names the
// address and the settings that mend it.
//
// As a broker may be restarting just then, Open reports it only after three
// attempts, a quarter of a second apart, or, while other brokers can be
// reached, when 12 s have not changed it. A bootstrap address that is itself
// the advertised one is taken for a broker that is away.
type UnreachableError struct {
	// BrokerID is the broker's node id.
	BrokerID int32
	// Advertised is the address that the broker advertises; Bootstrap is the
	// one that answered.
	Advertised, Bootstrap string
	// Alone is true where no broker at all can be reached.
	Alone bool
	// Err is what the attempt to reach it answered.
	Err error
}

// Error names the address and the settings.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("kafka broker %d advertises %q, which cannot be reached from here (%v), although bootstrap address %q answers: "+
		"set advertised.listeners on the broker to an address that this host can reach, "+
		"or FLOODGATE_KAFKA_BROKERS here to a listener that advertises one",
		e.BrokerID, e.Advertised, e.Err, e.Bootstrap)
}

// Unwrap answers the attempt's error.
func (e *UnreachableError) Unwrap() error { return e.Err }

// strike is how long and how often an advertised address has failed.
type strike struct {
	since time.Time
	count int
}

// probe asks a cluster and then each of its brokers. Not safe for concurrent
// use.
type probe struct {
	cfg     Config
	strikes map[string]strike
}

// open makes one attempt. A success forgets the strikes of those before: the
// address was only away.
func (p *probe) open(ctx context.Context) (sarama.Client, error) {
	conf := SaramaConfig(p.cfg)
	meta, bootstrap, err := p.bootstrap(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.advertised(ctx, meta, bootstrap); err != nil {
		return nil, err
	}
	clear(p.strikes)
	client, err := sarama.NewClient(p.cfg.Brokers, conf)
	if err != nil {
		return nil, fmt.Errorf("connecting to kafka: %w", err)
	}
	return client, nil
}

// bootstrap asks the bootstrap addresses in order; the first answer counts. A
// broker that is starting answers with no brokers at all, which is no answer.
func (p *probe) bootstrap(ctx context.Context) (*sarama.MetadataResponse, string, error) {
	var faults []error
	for _, address := range p.cfg.Brokers {
		meta, err := p.ask(ctx, address)
		if err == nil && len(meta.Brokers) == 0 {
			err = errors.New("names no broker yet")
		}
		if err == nil {
			return meta, address, nil
		}
		faults = append(faults, fmt.Errorf("kafka bootstrap address %q: %w", address, err))
	}
	return nil, "", errors.Join(faults...)
}

// advertised asks every broker at the address it advertises, all at once.
func (p *probe) advertised(ctx context.Context, meta *sarama.MetadataResponse, bootstrap string) error {
	faults := make([]error, len(meta.Brokers))
	var wg sync.WaitGroup
	for i, b := range meta.Brokers {
		wg.Go(func() { faults[i] = p.sameCluster(ctx, b.Addr(), meta.ClusterID) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// Whether others answer decides how long a silent one may take.
	alone := !slices.Contains(faults, nil)
	for i, err := range faults {
		b := meta.Brokers[i]
		if err == nil {
			continue
		}
		// It answered at this very address a moment ago: it has gone since.
		if slices.Contains(p.cfg.Brokers, b.Addr()) {
			return fmt.Errorf("kafka broker %d at %q: %w", b.ID(), b.Addr(), err)
		}
		return &UnreachableError{BrokerID: b.ID(), Advertised: b.Addr(), Bootstrap: bootstrap, Alone: alone, Err: err}
	}
	return nil
}

// sameCluster asks who answers: behind an advertised "localhost" may stand
// another broker of this machine's own.
func (p *probe) sameCluster(ctx context.Context, address string, cluster *string) error {
	meta, err := p.ask(ctx, address)
	if err != nil {
		return err
	}
	if cluster != nil && meta.ClusterID != nil && *cluster != *meta.ClusterID {
		return fmt.Errorf("another cluster answers there: %s, not %s", *meta.ClusterID, *cluster)
	}
	return nil
}

// ask opens a connection of its own for one metadata request. An address that
// takes connections and never answers costs DialTimeout.
func (p *probe) ask(ctx context.Context, address string) (*sarama.MetadataResponse, error) {
	conf := SaramaConfig(p.cfg)
	conf.Net.ReadTimeout, conf.Net.WriteTimeout = p.cfg.DialTimeout, p.cfg.DialTimeout
	b := sarama.NewBroker(address)
	if err := b.Open(conf); err != nil {
		return nil, err
	}
	// Closing is what ends a request that is under way.
	stop := context.AfterFunc(ctx, func() { _ = b.Close() })
	meta, err := b.GetMetadata(sarama.NewMetadataRequest(conf.Version, nil))
	if stop() {
		_ = b.Close() // Not connected is all it can say.
	}
	return meta, err
}

// certain counts an attempt and answers whether it was the last one needed.
func (p *probe) certain(e *UnreachableError) bool {
	s, ok := p.strikes[e.Advertised]
	if !ok {
		s.since = time.Now()
	}
	s.count++
	p.strikes[e.Advertised] = s
	if s.count < maxStrikes {
		return false
	}
	return e.Alone || time.Since(s.since) >= crashGrace
}
