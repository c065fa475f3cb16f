package rpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// callMetrics counts and times the calls of listeners and Conns alike, in front
// of the tracing handler.
type callMetrics struct {
	stats.Handler

	inFlight prometheus.Gauge
	duration *prometheus.HistogramVec
}

// metered answers handler with metrics registered at r. Servers of one process
// share them.
func metered(handler stats.Handler, r prometheus.Registerer) (stats.Handler, error) {
	inFlight, err := registered(r, prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "floodgate_rpc_in_flight",
		Help: "Calls and streams that are being served.",
	}))
	if err != nil {
		return nil, err
	}
	duration, err := registered(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "floodgate_rpc_duration_seconds",
		Help: "How long calls and streams took, by method and status code.",
		// From a call that only reads memory to the default deadline.
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method", "code"}))
	if err != nil {
		return nil, err
	}
	return &callMetrics{Handler: handler, inFlight: inFlight, duration: duration}, nil
}

// registered registers c, or answers its like that another server registered.
func registered[C prometheus.Collector](r prometheus.Registerer, c C) (C, error) {
	err := r.Register(c)
	if there, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if same, ok := there.ExistingCollector.(C); ok {
			return same, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("register the metrics of calls: %w", err)
	}
	return c, nil
}

// HandleRPC takes the begin and the end of a call. grpc-go reports neither for a
// method that does not exist, so that callers cannot make up label values.
func (m *callMetrics) HandleRPC(ctx context.Context, event stats.RPCStats) {
	switch event := event.(type) {
	case *stats.Begin:
		m.inFlight.Inc()
	case *stats.End:
		m.inFlight.Dec()
		method, _ := grpc.Method(ctx)
		took := event.EndTime.Sub(event.BeginTime).Seconds()
		m.duration.WithLabelValues(method, status.Code(event.Error).String()).Observe(took)
	}
	m.Handler.HandleRPC(ctx, event)
}
