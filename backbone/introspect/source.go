package introspect

import (
	"context"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/publish"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

type section = opsv1.InspectRequest_Section

// Source is a part of a service that can be asked how it is. Its functions are
// asked by one caller at a time and should return when ctx ends; one that does
// not is not asked again before it has.
type Source struct {
	name     string
	sections []section
	tell     func(ctx context.Context, s *State) error
}

// member is a consume.Group, or a test's.
type member interface {
	Claims() []consume.ClaimState
	InFlight() []consume.InFlight
}

// Group tells the claims of a group's member and what its handlers are busy
// with.
func Group(group string, m member) Source {
	tell := func(_ context.Context, s *State) error {
		for _, c := range m.Claims() {
			s.Claims = append(s.Claims, Claim{
				Group: group, Topic: c.Claim.Topic, Partition: c.Claim.Partition, Generation: c.Claim.Generation,
				Start: c.Claim.Start, Next: c.Next, State: string(c.State), Since: c.Since, Err: c.Err, CommitErr: c.CommitErr,
			})
		}
		for _, f := range m.InFlight() {
			s.InFlight = append(s.InFlight, InFlight{
				Group: group, Topic: f.Topic, Partition: f.Partition, Offset: f.Offset, Records: f.Records,
				Key: f.Key, Step: f.Step, Since: f.Since, Runaway: f.Runaway,
				Stack: f.Stack, Dependency: f.Dependency,
			})
		}
		return nil
	}
	return Source{group, []section{opsv1.InspectRequest_CLAIMS, opsv1.InspectRequest_IN_FLIGHT}, tell}
}

// Publishing tells what a publisher has in flight.
func Publishing(name string, p *publish.Publisher) Source {
	return Source{name, []section{opsv1.InspectRequest_PUBLISHERS}, func(_ context.Context, s *State) error {
		records, bytes := p.InFlight()
		s.Publishers = append(s.Publishers, Publisher{Name: name, Records: records, Bytes: bytes})
		return nil
	}}
}

// Spools tells what waits in spools.
func Spools(name string, ask func(context.Context) ([]Spool, error)) Source {
	return of(name, opsv1.InspectRequest_SPOOLS, ask, func(s *State) *[]Spool { return &s.Spools })
}

// Breakers tells the states of circuit breakers.
func Breakers(name string, ask func(context.Context) ([]Breaker, error)) Source {
	return of(name, opsv1.InspectRequest_BREAKERS, ask, func(s *State) *[]Breaker { return &s.Breakers })
}

// ReplyTopics tells where replies arrive.
func ReplyTopics(name string, ask func(context.Context) ([]ReplyTopic, error)) Source {
	return of(name, opsv1.InspectRequest_REPLY_TOPICS, ask, func(s *State) *[]ReplyTopic { return &s.ReplyTopics })
}

// Lags tells how far groups are behind.
func Lags(name string, ask func(context.Context) ([]Lag, error)) Source {
	return of(name, opsv1.InspectRequest_LAG, ask, func(s *State) *[]Lag { return &s.Lag })
}

// Alerts tells which alerts are raised.
func Alerts(name string, ask func(context.Context) ([]Alert, error)) Source {
	return of(name, opsv1.InspectRequest_ALERTS, ask, func(s *State) *[]Alert { return &s.Alerts })
}

// Settings tells settings, which do not change.
func Settings(settings []Setting) Source {
	ask := func(context.Context) ([]Setting, error) { return settings, nil }
	return of("settings", opsv1.InspectRequest_SETTINGS, ask, func(s *State) *[]Setting { return &s.Settings })
}

// of makes a source of one section.
func of[T any](name string, in section, ask func(context.Context) ([]T, error), field func(*State) *[]T) Source {
	return Source{name, []section{in}, func(ctx context.Context, s *State) error {
		values, err := ask(ctx)
		*field(s) = append(*field(s), values...)
		return err
	}}
}
