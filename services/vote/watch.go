package vote

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"floodgate.internal/backbone/alert"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/lag"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/proto/topics"
)

// watch looks at the service's groups, this process's members among them, and
// tells operators what it finds.
type watch struct {
	board   *alert.Board
	monitor *lag.Monitor
	metrics prometheus.Registerer
}

// openWatch makes the watch over a client of its own: a broker that hangs holds
// up what is asked on one connection, and neither rebuilds nor counts may wait
// for a look.
func (g *graph) openWatch(ctx context.Context, s *Service, publisher *publish.Publisher) error {
	client, err := g.openKafka(ctx, s, "monitor")
	if err != nil {
		return err
	}
	board, err := alert.NewBoard(alert.Config{Service: "vote", Log: s.deps.Log}, alert.NewLog(client, publisher))
	if err != nil {
		return err
	}
	source, err := lag.NewKafka(client)
	if err != nil {
		return err
	}
	cfg := s.cfg.lag(g.members)
	cfg.Log = s.deps.Log
	monitor, err := lag.New(cfg, source, board)
	if err != nil {
		return err
	}
	g.watch = &watch{board: board, monitor: monitor, metrics: s.deps.Metrics}
	return nil
}

// lag answers the settings of the look at the groups of all roles: those that no
// process runs are to be seen by any that does run.
func (c Config) lag(members map[string]*consume.Group) lag.Config {
	cfg := c.Lag
	cfg.Service, cfg.Groups = "vote", nil
	for _, group := range []string{topics.GroupVoteTally, topics.GroupVoteLedger} {
		w := lag.Watched{Group: group, Topics: intakeTopics(group)}
		if member := members[group]; member != nil {
			w.Member = member
		}
		cfg.Groups = append(cfg.Groups, w)
	}
	return cfg
}

// run looks until ctx ends; its metrics are there as long.
func (w *watch) run(ctx context.Context) error {
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
func (w *watch) show() (remove func(), err error) {
	if w.metrics == nil {
		return func() {}, nil
	}
	// Other services of the process have the same metrics.
	registry := prometheus.WrapRegistererWith(prometheus.Labels{"service": "vote"}, w.metrics)
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
