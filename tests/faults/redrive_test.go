package faults_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/tests/faults/reconcile"
)

// redriveSize is how much is brought back, how fast, and how often something is
// killed meanwhile. At the rate the service still publishes while others are
// dead, whose members their groups give up after 10 s.
type redriveSize struct {
	events, slice int
	work          time.Duration
	rate          int32
	blows         []int // in each round, of those of blow
}

func redriveSizeOf() redriveSize {
	if os.Getenv(longVar) != "" {
		return redriveSize{events: 100_000, slice: 100, work: 50 * time.Millisecond, rate: 2000, blows: []int{14, 3, 1}}
	}
	return redriveSize{events: 3000, slice: 10, work: 100 * time.Millisecond, rate: 500, blows: []int{4, 0, 0}}
}

// victims are whom a blow kills, at once.
func victims(n int) []string {
	all := [][]string{
		{"dlq"}, {"kafka"}, {"kafka", "dlq"}, {"dlq", "group"}, {"group"}, {"kafka", "group"}, {"kafka", "dlq", "group"},
	}
	return all[n%len(all)]
}

// What failed in a group is brought back to it while the DLQ service, the group
// and the broker are killed with SIGKILL, alone and together, at random moments.
// Some of it fails again, once or always. In the end all that can be applied is,
// once, in the order of each key, and the service says of each failure what
// became of it.
func TestAReplayOutlivesItsProcesses(t *testing.T) {
	t.Parallel()
	s := redriveSizeOf()
	l := newRedriveLoad(t, s)
	l.publish(s.events)
	l.settled()
	begun := l.counted(reconcile.ToldOpen)
	if begun != len(l.failed) {
		t.Fatalf("%d failures of %d", begun, len(l.failed))
	}
	for n, want := range []struct{ applied, again int64 }{
		{l.count(sound), l.count(stubborn, hopeless)}, {l.count(stubborn), l.count(hopeless)}, {0, l.count(hopeless)},
	} {
		id := l.create([]string{"first", "second", "third"}[n], s.rate)
		l.strike(s.blows[n], l.applied, l.applied(), want.applied)
		r := l.end(id)
		l.settled()
		if r.GetState() != dlqv1.Replay_DONE || r.GetApplied() != want.applied || r.GetFailedAgain() != want.again || r.GetSkipped() != 0 ||
			r.GetPublished() != want.applied+want.again {
			t.Errorf("replay %v, want %+v", r, want)
		}
	}
	l.reconciled()
}

// strike kills somebody so often while a count goes so much further from where it
// was.
func (l *redriveLoad) strike(blows int, count func() int64, from, more int64) {
	l.t.Helper()
	part := more / int64(blows+1) // of each blow
	for n := range blows {
		at := from + int64(n)*part + part/2 + rand.Int64N(max(part/2, 1))
		await(l.t, "the middle of the run", func() bool { return count() >= at })
		l.t.Logf("at %d of %d: %s killed", count()-from, more, strings.Join(victims(n), " and "))
		l.blow(victims(n))
	}
}

// blow kills processes and starts them again.
func (l *redriveLoad) blow(who []string) {
	l.t.Helper()
	ends := map[string][2]func(){
		"kafka": {l.kafka.kill, l.kafka.start}, "dlq": {l.dlq.kill, l.dlq.start}, "group": {l.group.kill, l.group.start},
	}
	for _, one := range who {
		ends[one][0]()
	}
	for _, one := range who {
		ends[one][1]()
	}
}

// settled waits until everybody has read everything, in the order in which one
// writes what the next one reads.
func (l *redriveLoad) settled() {
	l.t.Helper()
	for _, reader := range []struct {
		group string
		read  []string
	}{
		{topics.GroupVoteTally, replayedTopics()}, {topics.GroupDLQIngest, []string{topics.DLQFailed}}, {topics.GroupDLQOutcome, []string{topics.DLQOutcome}},
	} {
		for _, topic := range reader.read {
			await(l.t, reader.group+" to read "+topic, func() bool { return drained(l.t.Context(), l.client, reader.group, topic) })
		}
	}
}

// told is what the service says of each event, by id.
func (l *redriveLoad) told() map[string]reconcile.Told {
	l.t.Helper()
	told := map[string]reconcile.Told{}
	for id, f := range l.failures() {
		switch f.GetStatus() {
		case dlqv1.Failure_RESOLVED:
			told[id] = reconcile.ToldDone
		case dlqv1.Failure_OPEN, dlqv1.Failure_PARKED:
			told[id] = reconcile.ToldOpen
		default:
			told[id] = reconcile.ToldGoing
		}
	}
	return told
}

func (l *redriveLoad) counted(said reconcile.Told) (n int) {
	l.t.Helper()
	for _, told := range l.told() {
		if told == said {
			n++
		}
	}
	return n
}

// reconciled checks every promise, and that the check would see one broken.
func (l *redriveLoad) reconciled() {
	l.t.Helper()
	applied, err := l.effects.applied(l.t.Context())
	must(l.t, err)
	run := reconcile.Redrive{
		Failed: l.failed, Applied: applied, Told: l.told(),
		Hopeless: func(e reconcile.Event) bool { return e.Instance == hopeless },
	}
	if faults := reconcile.CheckRedrive(run); len(faults) > 0 {
		l.t.Errorf("%s", reconcile.Report(faults))
	}
	for kind, spoil := range spoilers() {
		spoiled := run
		spoiled.Applied, spoiled.Told = slices.Clone(run.Applied), maps.Clone(run.Told)
		spoil(&spoiled)
		if !slices.ContainsFunc(reconcile.CheckRedrive(spoiled), func(f reconcile.Fault) bool { return f.Kind == kind }) {
			l.t.Errorf("the check does not see what is %s", kind)
		}
	}
	l.rows()
}

// spoilers each break one promise of a run that kept them all.
func spoilers() map[reconcile.Kind]func(*reconcile.Redrive) {
	return map[reconcile.Kind]func(*reconcile.Redrive){
		reconcile.Lost:    func(r *reconcile.Redrive) { r.Applied = r.Applied[1:] },
		reconcile.Doubled: func(r *reconcile.Redrive) { r.Applied = append(r.Applied, r.Applied[0]) },
		reconcile.Reordered: func(r *reconcile.Redrive) {
			first := r.Applied[0]
			for n, e := range r.Applied {
				if n > 0 && e.Instance == first.Instance && e.Key == first.Key {
					r.Applied[0], r.Applied[n] = e, first
					return
				}
			}
		},
		reconcile.Forged: func(r *reconcile.Redrive) {
			for _, e := range r.Failed {
				if r.Hopeless(e) {
					r.Told[e.ID] = reconcile.ToldDone
					return
				}
			}
		},
		reconcile.Denied:      func(r *reconcile.Redrive) { r.Told[r.Applied[0].ID] = reconcile.ToldOpen },
		reconcile.Unconfirmed: func(r *reconcile.Redrive) { r.Told[r.Applied[0].ID] = reconcile.ToldGoing },
	}
}

// rows checks the status of each failure and how often it was brought back.
func (l *redriveLoad) rows() {
	l.t.Helper()
	rows := l.failures()
	for _, e := range l.failed {
		want, replays := dlqv1.Failure_RESOLVED, int32(1)
		switch e.Instance {
		case stubborn:
			replays = 2
		case hopeless:
			want, replays = dlqv1.Failure_PARKED, 3
		}
		f := rows[e.ID]
		if f.GetStatus() != want || f.GetReplays() != replays || f.GetAttempts() < replays {
			l.t.Errorf("%v: %s after %d replays and %d attempts, want %s after %d", e, f.GetStatus(), f.GetReplays(), f.GetAttempts(), want, replays)
		}
	}
}
