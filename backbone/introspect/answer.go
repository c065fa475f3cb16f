package introspect

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

const (
	// maxAnswerBytes bounds an answer: half of what a client takes by default
	// (rpc.DefaultMaxSendBytes).
	maxAnswerBytes = 2 << 20
	// defaultInFlight is how many records in flight are listed where the request
	// does not say.
	defaultInFlight = 100
)

// answer puts together what the parts told, which are in the order of their
// services.
func (r *Registry) answer(now time.Time, req *opsv1.InspectRequest, all []told) *opsv1.InspectResponse {
	res := &opsv1.InspectResponse{AsOf: timestamppb.New(now), Process: &opsv1.Process{
		Version: r.build.Version, Revision: r.build.Revision, GoVersion: r.build.Go, StartedAt: timestamppb.New(r.started),
	}}
	services := split(all)
	for _, parts := range services {
		room := &room{left: maxAnswerBytes / len(services), wanted: wanted(req)}
		res.Services = append(res.Services, service(now, req, parts, room))
	}
	return res
}

// split groups by service what is sorted by it.
func split(all []told) [][]told {
	var out [][]told
	for i, t := range all {
		if i == 0 || t.part.service != all[i-1].part.service {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], t)
	}
	return out
}

// service merges the answers of one service's parts. Records in flight come
// last: their stacks are the largest, and must not take the others' room.
func service(now time.Time, req *opsv1.InspectRequest, parts []told, room *room) *opsv1.ServiceState {
	out := &opsv1.ServiceState{Service: parts[0].part.service}
	var s State
	for _, p := range parts {
		if p.err != nil {
			out.Unanswered = append(out.Unanswered, &opsv1.ServiceState_Unanswered{
				Source: p.part.name, Section: p.part.sections[0], Reason: text(p.err.Error(), maxText),
			})
		}
		s.add(&p.state)
	}
	s.sort()
	out.Settings = fill(room, opsv1.InspectRequest_SETTINGS, s.Settings, settingMessage)
	out.Publishers = fill(room, opsv1.InspectRequest_PUBLISHERS, s.Publishers, publisherMessage)
	out.Spools = fill(room, opsv1.InspectRequest_SPOOLS, s.Spools, spoolMessage)
	out.Breakers = fill(room, opsv1.InspectRequest_BREAKERS, s.Breakers, breakerMessage)
	out.ReplyTopics = fill(room, opsv1.InspectRequest_REPLY_TOPICS, s.ReplyTopics, replyTopicMessage)
	out.Alerts = fill(room, opsv1.InspectRequest_ALERTS, s.Alerts, alertMessage)
	out.Lag = fill(room, opsv1.InspectRequest_LAG, s.Lag, lagMessage)
	oldest := oldestOf(s.InFlight)
	out.Claims = fill(room, opsv1.InspectRequest_CLAIMS, s.Claims, func(c Claim) *opsv1.ClaimState {
		return claimMessage(now, c, oldest[place{c.Group, c.Topic, c.Partition}])
	})
	out.InFlightTotal = int64(len(s.InFlight))
	if limit := int(cmp.Or(req.GetMaxInFlight(), defaultInFlight)); len(s.InFlight) > limit {
		s.InFlight = s.InFlight[:limit]
	}
	out.InFlight = fill(room, opsv1.InspectRequest_IN_FLIGHT, s.InFlight, func(f InFlight) *opsv1.InFlightRecord {
		return inFlightMessage(now, f)
	})
	out.Cut = room.cut
	return out
}

// room is what is left of a service's share of the answer.
type room struct {
	left   int
	cut    []section
	wanted func(section) bool
}

// fill converts what is asked for, as far as there is room.
func fill[T any, M proto.Message](r *room, in section, values []T, convert func(T) M) []M {
	if !r.wanted(in) {
		return nil
	}
	var out []M
	for _, v := range values {
		m := convert(v)
		// An element's tag and length take a few bytes more.
		if r.left -= proto.Size(m) + 4; r.left < 0 {
			r.cut = append(r.cut, in)
			break
		}
		out = append(out, m)
	}
	return out
}

// add appends what another source told.
func (s *State) add(o *State) {
	s.Claims = append(s.Claims, o.Claims...)
	s.InFlight = append(s.InFlight, o.InFlight...)
	s.Publishers = append(s.Publishers, o.Publishers...)
	s.Spools = append(s.Spools, o.Spools...)
	s.Breakers = append(s.Breakers, o.Breakers...)
	s.ReplyTopics = append(s.ReplyTopics, o.ReplyTopics...)
	s.Lag = append(s.Lag, o.Lag...)
	s.Alerts = append(s.Alerts, o.Alerts...)
	s.Settings = append(s.Settings, o.Settings...)
}

// sort brings each section into the order that the .proto promises.
func (s *State) sort() {
	slices.SortStableFunc(s.Claims, func(a, b Claim) int {
		return place{a.Group, a.Topic, a.Partition}.compare(place{b.Group, b.Topic, b.Partition})
	})
	slices.SortStableFunc(s.Lag, func(a, b Lag) int {
		return place{a.Group, a.Topic, a.Partition}.compare(place{b.Group, b.Topic, b.Partition})
	})
	slices.SortStableFunc(s.InFlight, func(a, b InFlight) int { return a.Since.Compare(b.Since) })
	slices.SortStableFunc(s.Spools, func(a, b Spool) int { return cmp.Compare(a.Topic, b.Topic) })
	slices.SortStableFunc(s.Breakers, func(a, b Breaker) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(s.Alerts, func(a, b Alert) int { return a.RaisedAt.Compare(b.RaisedAt) })
}

// place is a partition as a group sees it.
type place struct {
	group, topic string
	partition    int32
}

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.group, o.group), cmp.Compare(p.topic, o.topic), cmp.Compare(p.partition, o.partition))
}

// busy is what is in flight of one place.
type busy struct {
	count  int64
	oldest InFlight
}

// oldestOf counts by place what is sorted by age.
func oldestOf(sorted []InFlight) map[place]busy {
	out := map[place]busy{}
	for _, f := range sorted {
		p := place{f.Group, f.Topic, f.Partition}
		b := out[p]
		if b.count == 0 {
			b.oldest = f
		}
		b.count++
		out[p] = b
	}
	return out
}
