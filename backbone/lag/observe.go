package lag

import (
	"context"
	"errors"
	"slices"
	"time"
)

// unknown stands for an offset, a number of records or an age that nobody knows.
const unknown = -1

// place is a partition of a group's topic.
type place struct {
	group, topic string
	partition    int32
}

// offsets are what was read of a place.
type offsets struct {
	committed, end int64
	// age of the oldest record that is not committed; below 0 where unknown.
	age time.Duration
}

// sighting is one reading of the cluster. What is missing was not to be had.
type sighting struct {
	at      time.Time
	offsets map[place]offsets
	// members of groups that were asked for.
	members map[string]int
}

// observer reads the cluster. One goroutine calls it.
type observer struct {
	cfg    *Config
	source source
	// growths are the topics' partitions', for all groups that read them.
	growths map[place]*growth // without a group
	turn    int               // where the reading of ages goes on
}

// look reads everything once. The error says what could not be read; the rest
// is there all the same.
func (o *observer) look(ctx context.Context) (sighting, error) {
	seen := sighting{at: time.Now(), offsets: make(map[place]offsets), members: make(map[string]int)}
	starts, partitions, err := o.ends(ctx)
	faults := []error{err}
	for _, w := range o.cfg.Groups {
		faults = append(faults, o.group(ctx, w, starts, partitions, &seen))
	}
	faults = append(faults, o.ages(ctx, &seen))
	return seen, errors.Join(faults...)
}

// ends reads the topics: first and next offset by place without group, and the
// partitions of each topic.
func (o *observer) ends(ctx context.Context) (map[place][2]int64, map[string][]int32, error) {
	var faults []error
	ranges, partitions := make(map[place][2]int64), make(map[string][]int32)
	for _, w := range o.cfg.Groups {
		for _, topic := range w.Topics {
			if _, done := partitions[topic]; done {
				continue
			}
			found, err := o.source.Ends(ctx, topic)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			for _, r := range found {
				at := place{topic: topic, partition: r.Partition}
				ranges[at] = [2]int64{r.First, r.Next}
				partitions[topic] = append(partitions[topic], r.Partition)
				o.growth(at).saw(r.Next, time.Now())
			}
		}
	}
	return ranges, partitions, errors.Join(faults...)
}

// group reads what a group has committed and, where this process holds none of
// its claims, whether it has members.
func (o *observer) group(ctx context.Context, w Watched, ranges map[place][2]int64, partitions map[string][]int32, seen *sighting) error {
	wanted := make(map[string][]int32)
	for _, topic := range w.Topics {
		if ids := partitions[topic]; len(ids) > 0 {
			wanted[topic] = ids
		}
	}
	if len(wanted) == 0 {
		return nil // the topics' faults say why
	}
	committed, err := o.source.Committed(ctx, w.Group, wanted)
	if err != nil {
		return err
	}
	for topic, ids := range wanted {
		for _, id := range ids {
			ends := ranges[place{topic: topic, partition: id}]
			at, ok := committed[topic][id]
			if !ok {
				at = ends[0] // a group begins at the log's first record
			}
			// The end was read before: what is committed may be beyond it.
			at = min(max(at, ends[0]), ends[1])
			seen.offsets[place{w.Group, topic, id}] = offsets{committed: at, end: ends[1], age: unknown}
		}
	}
	if w.Member != nil && len(w.Member.Claims()) > 0 {
		seen.members[w.Group] = 1 // this one, at least
		return nil
	}
	members, err := o.source.Members(ctx, w.Group)
	if err == nil {
		seen.members[w.Group] = members
	}
	return err
}

// ages works out how old the oldest uncommitted records are: from the growth of
// the log as it was seen, and by reading a bounded number of records that are
// older than that.
func (o *observer) ages(ctx context.Context, seen *sighting) error {
	var older []place
	for at, is := range seen.offsets {
		if is.committed == is.end {
			is.age = 0
		} else if came, ok := o.growth(at.log()).at(is.committed); ok {
			is.age = max(0, seen.at.Sub(came))
		} else {
			older = append(older, at)
		}
		seen.offsets[at] = is
	}
	slices.SortFunc(older, comparePlaces)
	var faults []error
	for n := range min(len(older), o.cfg.AgeReads) {
		// In turn, so that partitions that cannot be read do not hide others.
		at := older[(o.turn+n)%len(older)]
		is := seen.offsets[at]
		came, err := o.source.Time(ctx, at.topic, at.partition, is.committed, is.end)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		o.growth(at.log()).read(is.committed, came)
		is.age = max(0, seen.at.Sub(came))
		seen.offsets[at] = is
	}
	o.turn += o.cfg.AgeReads
	return errors.Join(faults...)
}

// growth answers what is known of a log's growth.
func (o *observer) growth(log place) *growth {
	g := o.growths[log]
	if g == nil {
		g = &growth{}
		o.growths[log] = g
	}
	return g
}

// log is the partition, whoever reads it.
func (p place) log() place { return place{topic: p.topic, partition: p.partition} }
