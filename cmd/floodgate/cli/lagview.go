package cli

import (
	"cmp"
	"slices"
	"time"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// lagView is what is shown of one answer.
type lagView struct {
	at       time.Time
	process  *opsv1.Process
	groups   []*lagGroup
	services []*opsv1.ServiceState
}

// lagGroup is a consumer group, by service and name.
type lagGroup struct {
	service, name string
	rows          []*lagRow
}

// lagRow is a partition of a group.
type lagRow struct {
	topic     string
	partition int32
	// records and seconds are -1 where unknown.
	records int64
	seconds float64
	owned   bool
	state   string // empty where unknown
	stuck   bool
	// inFlight attempts are running; the oldest for so long, at that step and
	// waiting for that dependency.
	inFlight   int64
	oldest     time.Duration
	step       string
	dependency string
	err        string
}

// lagOf joins claims and lag of the groups that are named, or of all.
func lagOf(res *opsv1.InspectResponse, groups []string) *lagView {
	v := &lagView{at: res.GetAsOf().AsTime(), process: res.GetProcess(), services: res.GetServices()}
	for _, s := range res.GetServices() {
		for _, l := range s.GetLag() {
			if row := v.row(s, l.GetGroup(), l.GetTopic(), l.GetPartition(), groups); row != nil {
				row.records, row.seconds, row.stuck, row.owned = l.GetRecords(), l.GetSeconds(), l.GetStuck(), l.GetOwned()
				row.state, row.step = stateName(l.GetState()), l.GetStep()
			}
		}
		// A claim's own word about itself is fresher than what was read with the lag.
		for _, c := range s.GetClaims() {
			if row := v.row(s, c.GetGroup(), c.GetTopic(), c.GetPartition(), groups); row != nil {
				row.owned, row.state, row.inFlight = true, stateName(c.GetState()), c.GetInFlight()
				row.oldest = c.GetOldest().GetAge().AsDuration()
				row.step, row.dependency = c.GetOldest().GetStep(), c.GetOldest().GetDependency()
				row.err = cmp.Or(c.GetError(), c.GetCommitError())
			}
		}
	}
	for _, g := range v.groups {
		slices.SortFunc(g.rows, func(a, b *lagRow) int {
			return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
		})
	}
	slices.SortFunc(v.groups, func(a, b *lagGroup) int {
		return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.name, b.name))
	})
	return v
}

func stateName(s opsv1.ClaimState_State) string {
	if s == opsv1.ClaimState_STATE_UNSPECIFIED {
		return ""
	}
	return s.String()
}

// row answers a partition's row, making it where there is none; nil where the
// group is not to be shown.
func (v *lagView) row(s *opsv1.ServiceState, group, topic string, partition int32, only []string) *lagRow {
	if len(only) > 0 && !slices.Contains(only, group) {
		return nil
	}
	g := v.group(s.GetService(), group)
	for _, r := range slices.Backward(g.rows) {
		if r.topic == topic && r.partition == partition {
			return r
		}
	}
	r := &lagRow{topic: topic, partition: partition, records: -1, seconds: -1}
	g.rows = append(g.rows, r)
	return r
}

func (v *lagView) group(service, name string) *lagGroup {
	for _, g := range v.groups {
		if g.service == service && g.name == name {
			return g
		}
	}
	g := &lagGroup{service: service, name: name}
	v.groups = append(v.groups, g)
	return g
}

// lagTotal is a group in one row.
type lagTotal struct {
	records  int64   // of the partitions that are known
	unknown  int     // partitions whose lag is not
	seconds  float64 // of the partition that is furthest behind; -1 where unknown
	inFlight int64
	oldest   time.Duration
	owned    int
	troubled int // claims that do not run, or are stuck
}

func (g *lagGroup) total() lagTotal {
	t := lagTotal{seconds: -1}
	for _, r := range g.rows {
		if r.records < 0 {
			t.unknown++
		} else {
			t.records += r.records
		}
		t.seconds = max(t.seconds, r.seconds)
		t.inFlight += r.inFlight
		t.oldest = max(t.oldest, r.oldest)
		if r.owned {
			t.owned++
		}
		if r.troubled() {
			t.troubled++
		}
	}
	return t
}

// troubled answers whether somebody should look at the partition.
func (r *lagRow) troubled() bool {
	return r.stuck || r.err != "" || r.state != "" && r.state != opsv1.ClaimState_RUNNING.String()
}

// atRest answers whether nothing happens there.
func (r *lagRow) atRest() bool { return r.records <= 0 && r.inFlight == 0 && !r.troubled() }
