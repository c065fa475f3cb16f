// Package watch has a process look at the groups of its service: how far they
// are behind and whether they stand still, as a snapshot, as metrics and as
// alerts, raised and cleared once each over all instances.
package watch

import (
	"context"
	"errors"
	"log/slog"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"floodgate.internal/backbone/alert"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/publish"
)

// Group is one of the service's groups.
type Group struct {
	// Name is the consumer group's.
	Name string
	// Topics are what it reads.
	Topics []string
	// Member is this process's; nil where another one runs the group. Groups of
	// all roles belong into the watch of each: one that no process runs is to be
	// seen by any that does run.
	Member *consume.Group
}

// Settings answers a service's settings of the look at its groups.
func Settings(service string, settings lag.Config, groups ...Group) lag.Config {
	settings.Service, settings.Groups = service, nil
	for _, g := range groups {
		w := lag.Watched{Group: g.Name, Topics: g.Topics}
		if g.Member != nil { // a nil pointer in an interface would be asked
			w.Member = g.Member
		}
		settings.Groups = append(settings.Groups, w)
	}
	return settings
}

// Deps are what a watch needs of its process.
type Deps struct {
	// Client is its own, and stays the caller's: a broker that hangs holds up what
	// is asked on one connection, and nothing else may wait for a look.
	Client sarama.Client
	// Publisher takes the alerts.
	Publisher *publish.Publisher
	// Metrics has the watch's metrics while it runs, with the label service; nobody
	// has where nil.
	Metrics prometheus.Registerer
	// Log takes alerts and what cannot be read; nothing is logged where nil.
	Log *slog.Logger
}

// Watch looks at the groups of a service. Run is called once; Monitor may be
// called from any goroutine.
type Watch struct {
	board   *alert.Board
	monitor *lag.Monitor
	service string
	metrics prometheus.Registerer
}

// Open makes a watch of what Settings answers; nothing is asked before Run.
func Open(settings lag.Config, d Deps) (*Watch, error) {
	board, err := alert.NewBoard(alert.Config{Service: settings.Service, Log: d.Log}, alert.NewLog(d.Client, d.Publisher))
	if err != nil {
		return nil, err
	}
	source, err := lag.NewKafka(d.Client)
	if err != nil {
		return nil, err
	}
	settings.Log = d.Log
	monitor, err := lag.New(settings, source, board)
	if err != nil {
		return nil, err
	}
	return &Watch{board: board, monitor: monitor, service: settings.Service, metrics: d.Metrics}, nil
}

// Monitor is what was found, for introspection.
func (w *Watch) Monitor() *lag.Monitor { return w.monitor }

// Run looks until ctx ends; its metrics are there as long.
func (w *Watch) Run(ctx context.Context) error {
	remove, err := w.show()
	defer remove()
	if err != nil {
		return err
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return w.board.Run(ctx) })
	work.Go(func() error { return w.monitor.Run(ctx) })
	return work.Wait()
}

// show registers the metrics; the answer takes them away.
func (w *Watch) show() (remove func(), err error) {
	if w.metrics == nil {
		return func() {}, nil
	}
	// Other services of the process have the same metrics.
	registry := prometheus.WrapRegistererWith(prometheus.Labels{"service": w.service}, w.metrics)
	shown := []prometheus.Collector{w.board.Metrics(), w.monitor.Metrics()}
	for _, c := range shown {
		err = errors.Join(err, registry.Register(c))
	}
	return func() {
		for _, c := range shown {
			registry.Unregister(c)
		}
	}, err
}
