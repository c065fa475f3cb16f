package cli

import (
	"encoding/json"
	"io"
	"time"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// lagJSON is a view for programs; names carry their units, -1 is unknown.
type lagJSON struct {
	AsOf        time.Time        `json:"asOf"`
	Groups      []lagGroupJSON   `json:"groups"`
	Alerts      []lagAlertJSON   `json:"alerts"`
	Breakers    []lagBreakerJSON `json:"breakers"`
	Spools      []lagSpoolJSON   `json:"spools"`
	Publishers  []lagFlightJSON  `json:"publishers"`
	ReplyTopics []lagReplyJSON   `json:"replyTopics"`
	Unanswered  []lagSilentJSON  `json:"unanswered"`
}

type lagGroupJSON struct {
	Service    string             `json:"service"`
	Group      string             `json:"group"`
	Records    int64              `json:"records"`
	Unknown    int                `json:"unknownPartitions"`
	Seconds    float64            `json:"seconds"`
	InFlight   int64              `json:"inFlight"`
	Partitions []lagPartitionJSON `json:"partitions"`
}

type lagPartitionJSON struct {
	Topic         string  `json:"topic"`
	Partition     int32   `json:"partition"`
	Records       int64   `json:"records"`
	Seconds       float64 `json:"seconds"`
	Owned         bool    `json:"owned"`
	State         string  `json:"state,omitempty"`
	Stuck         bool    `json:"stuck"`
	InFlight      int64   `json:"inFlight"`
	OldestSeconds float64 `json:"oldestSeconds"`
	Step          string  `json:"step,omitempty"`
	Dependency    string  `json:"dependency,omitempty"`
	Error         string  `json:"error,omitempty"`
}

type lagAlertJSON struct {
	Service  string    `json:"service"`
	AlertID  string    `json:"alertId"`
	Kind     string    `json:"kind"`
	Severity string    `json:"severity"`
	Message  string    `json:"message"`
	RaisedAt time.Time `json:"raisedAt"`
}

type lagBreakerJSON struct {
	Service string `json:"service"`
	Name    string `json:"name"`
	State   string `json:"state"`
	Error   string `json:"error,omitempty"`
}

type lagSpoolJSON struct {
	Service       string  `json:"service"`
	Topic         string  `json:"topic"`
	Records       int64   `json:"records"`
	Bytes         int64   `json:"bytes"`
	OldestSeconds float64 `json:"oldestSeconds"`
	SpoolingLanes int32   `json:"spoolingLanes"`
	Error         string  `json:"error,omitempty"`
}

type lagFlightJSON struct {
	Service string `json:"service"`
	Name    string `json:"name"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`
}

type lagReplyJSON struct {
	Service       string  `json:"service"`
	Name          string  `json:"name"`
	Topic         string  `json:"topic"`
	Waiting       int64   `json:"waiting"`
	OldestSeconds float64 `json:"oldestSeconds"`
	Late          int64   `json:"late"`
}

type lagSilentJSON struct {
	Service string `json:"service"`
	Source  string `json:"source"`
	Section string `json:"section"`
	Reason  string `json:"reason"`
}

// writeLagJSON writes a view as one JSON object: indented where it is the only
// one, else on a line of its own.
func writeLagJSON(out io.Writer, v *lagView, only bool) error {
	encoder := json.NewEncoder(out)
	if only {
		encoder.SetIndent("", "  ")
	}
	// Lists are empty rather than absent.
	res := lagJSON{
		AsOf: v.at, Groups: []lagGroupJSON{}, Alerts: []lagAlertJSON{}, Breakers: []lagBreakerJSON{}, Spools: []lagSpoolJSON{},
		Publishers: []lagFlightJSON{}, ReplyTopics: []lagReplyJSON{}, Unanswered: []lagSilentJSON{},
	}
	for _, g := range v.groups {
		res.Groups = append(res.Groups, g.json())
	}
	for _, s := range v.services {
		res.add(s, v.at)
	}
	return encoder.Encode(res)
}

func (g *lagGroup) json() lagGroupJSON {
	t := g.total()
	out := lagGroupJSON{
		Service: g.service, Group: g.name, Records: t.records, Unknown: t.unknown, Seconds: t.seconds, InFlight: t.inFlight,
		Partitions: []lagPartitionJSON{},
	}
	if t.unknown == len(g.rows) {
		out.Records = -1
	}
	for _, r := range g.rows {
		out.Partitions = append(out.Partitions, lagPartitionJSON{
			Topic: r.topic, Partition: r.partition, Records: r.records, Seconds: r.seconds, Owned: r.owned, State: r.state,
			Stuck: r.stuck, InFlight: r.inFlight, OldestSeconds: r.oldest.Seconds(), Step: r.step, Dependency: r.dependency, Error: r.err,
		})
	}
	return out
}

// add appends the parts of a service.
func (j *lagJSON) add(s *opsv1.ServiceState, at time.Time) {
	name := s.GetService()
	for _, a := range s.GetAlerts() {
		j.Alerts = append(j.Alerts, lagAlertJSON{name, a.GetAlertId(), a.GetKind(), a.GetSeverity(), a.GetMessage(), a.GetRaisedAt().AsTime()})
	}
	for _, b := range s.GetBreakers() {
		j.Breakers = append(j.Breakers, lagBreakerJSON{name, b.GetName(), b.GetState().String(), b.GetError()})
	}
	for _, p := range s.GetSpools() {
		oldest := 0.0
		if p.OldestAt != nil {
			oldest = at.Sub(p.GetOldestAt().AsTime()).Seconds()
		}
		j.Spools = append(j.Spools, lagSpoolJSON{name, p.GetTopic(), p.GetRecords(), p.GetBytes(), oldest, p.GetSpoolingLanes(), p.GetError()})
	}
	for _, p := range s.GetPublishers() {
		j.Publishers = append(j.Publishers, lagFlightJSON{name, p.GetName(), p.GetRecords(), p.GetBytes()})
	}
	for _, r := range s.GetReplyTopics() {
		j.ReplyTopics = append(j.ReplyTopics, lagReplyJSON{name, r.GetName(), r.GetTopic(), r.GetWaiting(), r.GetOldest().AsDuration().Seconds(), r.GetLate()})
	}
	for _, u := range s.GetUnanswered() {
		j.Unanswered = append(j.Unanswered, lagSilentJSON{name, u.GetSource(), u.GetSection().String(), u.GetReason()})
	}
}
