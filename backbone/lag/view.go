package lag

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"floodgate.internal/backbone/consume"
)

// views puts together what the cluster said last and what this process's claims
// are doing now, by group, topic and partition.
func (m *Monitor) views(now time.Time) []view {
	m.mu.Lock()
	seen, shown := m.seen, m.shown
	m.mu.Unlock()
	fresh := !seen.at.IsZero() && now.Sub(seen.at) <= m.cfg.StaleAfter
	all := make(map[place]*view)
	at := func(p place) *view {
		if all[p] == nil {
			all[p] = &view{place: p}
		}
		return all[p]
	}
	// What was shown once is shown as unknown while nobody can tell.
	for _, p := range shown {
		at(place{p.Group, p.Topic, p.Partition.Partition}).seenAt = p.ObservedAt
	}
	for p, is := range seen.offsets {
		v := at(p)
		v.offsets, v.seenAt, v.known = is, seen.at, fresh
		members, asked := seen.members[p.group]
		v.orphan = fresh && asked && members == 0
	}
	for _, w := range m.cfg.Groups {
		if w.Member != nil {
			add(w, at)
		}
	}
	return sorted(all)
}

// add puts a member's claims into the views.
func add(w Watched, at func(place) *view) {
	for _, c := range w.Member.Claims() {
		v := at(place{w.Group, c.Claim.Topic, c.Claim.Partition})
		v.claim, v.orphan = &c, false
	}
	for _, f := range w.Member.InFlight() { // oldest first
		if v := at(place{w.Group, f.Topic, f.Partition}); v.claim != nil && v.flight == nil {
			v.flight = &f
		}
	}
}

func sorted(all map[place]*view) []view {
	views := make([]view, 0, len(all))
	for _, p := range slices.SortedFunc(maps.Keys(all), comparePlaces) {
		views = append(views, *all[p])
	}
	return views
}

// comparePlaces orders by group, topic and partition.
func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
}

var _ Member = (*consume.Group)(nil)
