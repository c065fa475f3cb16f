package stream

import (
	"slices"

	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Routes answers where failures may be replayed to: those of Floodgate's groups
// and clients by the catalogue, those of others' groups by the routes given.
func Routes(others []redrive.Route) []redrive.Route {
	var routes []redrive.Route
	for _, r := range topics.Routes() {
		routes = append(routes, redrive.Route{Topic: r.Topic, Group: r.Group, To: r.To})
	}
	return slices.Concat(routes, others)
}
