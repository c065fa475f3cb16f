package vote

import (
	"context"
	"strings"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/spool"
)

// spooled tells those who look inside what waits in the spool, and whether its
// breakers let votes through to Kafka.
func spooled(s *spool.Spool) []introspect.Source {
	spools := func(context.Context) ([]introspect.Spool, error) {
		status := s.Status()
		var out []introspect.Spool
		for _, t := range status.Topics {
			out = append(out, introspect.Spool{
				Name: "spool", Topic: t.Topic, Records: t.Rows, Bytes: t.Bytes, OldestAt: t.Oldest,
				SpoolingLanes: t.SpoolingLanes, Entering: t.Waiting, ReadAt: status.At, Error: status.Error,
			})
		}
		return out, nil
	}
	breakers := func(context.Context) ([]introspect.Breaker, error) {
		var out []introspect.Breaker
		for _, t := range s.Status().Topics {
			out = append(out, introspect.Breaker{Name: "kafka " + t.Topic, State: strings.ReplaceAll(strings.ToUpper(t.Breaker), "-", "_")})
		}
		return out, nil
	}
	return []introspect.Source{introspect.Spools("spool", spools), introspect.Breakers("spool breakers", breakers)}
}
