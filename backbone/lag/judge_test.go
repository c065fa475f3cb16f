package lag

import (
	"errors"
	"strings"
	"testing"
	"time"

	"floodgate.internal/backbone/alert"
	"floodgate.internal/backbone/consume"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

func TestEitherNumberRaisesAndBothClear(t *testing.T) {
	t.Parallel()
	cfg := Config{RaiseAge: 30 * time.Second, ClearAge: 10 * time.Second, RaiseRecords: 1000, ClearRecords: 100}
	for name, c := range map[string]struct {
		known   bool
		records int64
		age     time.Duration
		want    alert.Verdict
	}{
		"nothing is known":             {false, 0, 0, alert.Unknown},
		"nothing waits":                {true, 0, 0, alert.Below},
		"few and young":                {true, 99, 9 * time.Second, alert.Below},
		"few and old":                  {true, 1, 30 * time.Second, alert.Above},
		"many and young":               {true, 1000, time.Second, alert.Above},
		"few and not so young":         {true, 1, 10 * time.Second, alert.Between},
		"some and young":               {true, 100, time.Second, alert.Between},
		"few of unknown age":           {true, 1, unknown, alert.Unknown},
		"many of unknown age":          {true, 1000, unknown, alert.Above},
		"just below what raises":       {true, 999, 30*time.Second - 1, alert.Between},
		"none, whatever was forgotten": {true, 0, 0, alert.Below},
	} {
		v := view{known: c.known, offsets: offsets{committed: 5, end: 5 + c.records, age: c.age}}
		if got := judgeLag(v, &cfg); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestAClaimIsStuckOnlyWhereThereIsWork(t *testing.T) {
	t.Parallel()
	handling := &consume.InFlight{Step: consume.StepHandle}
	for name, c := range map[string]struct {
		v    view
		want work
	}{
		"nothing is left":                    {view{known: true, offsets: offsets{committed: 7, end: 7}}, workNone},
		"records wait":                       {view{known: true, offsets: offsets{committed: 7, end: 8}}, workWaits},
		"done and not committed yet":         {view{known: true, offsets: offsets{committed: 3, end: 7}}, workNone},
		"the broker is away, it is idle":     {view{}, workUnknown},
		"the broker is away, it is busy":     {view{flight: handling}, workWaits},
		"the broker is away, it retries":     {view{claim: &consume.ClaimState{State: consume.StateRetrying}}, workWaits},
		"a commit is no record":              {view{flight: &consume.InFlight{Step: consume.StepBeforeCommit}}, workUnknown},
		"it starts, and nothing waits":       {view{known: true, offsets: offsets{committed: 7, end: 7}, flight: &consume.InFlight{Step: consume.StepStartClaim}}, workNone},
		"somebody else has committed beyond": {view{known: true, offsets: offsets{committed: 9, end: 9}}, workNone},
	} {
		if c.v.claim == nil {
			c.v.claim = &consume.ClaimState{State: consume.StateRunning}
		}
		c.v.claim.Next = 7
		if got := workOf(c.v); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestStandingStillIsAboveOnlyAfterItsTime(t *testing.T) {
	t.Parallel()
	type look struct {
		second   float64
		position int64
		work     work
		want     alert.Verdict
	}
	for name, looks := range map[string][]look{
		"it stands":                        {{0, 5, workWaits, alert.Unknown}, {2, 5, workWaits, alert.Between}, {29, 5, workWaits, alert.Between}, {30, 5, workWaits, alert.Above}, {90, 5, workWaits, alert.Above}},
		"it moves":                         {{0, 5, workWaits, alert.Unknown}, {29, 6, workWaits, alert.Below}, {31, 6, workWaits, alert.Between}, {58, 6, workWaits, alert.Between}, {59, 6, workWaits, alert.Above}},
		"it crawls":                        {{0, 5, workWaits, alert.Unknown}, {30, 5, workWaits, alert.Above}, {32, 6, workWaits, alert.Below}, {34, 6, workWaits, alert.Between}},
		"it has nothing to do":             {{0, 5, workNone, alert.Below}, {60, 5, workNone, alert.Below}, {61, 5, workWaits, alert.Between}, {89, 5, workWaits, alert.Between}, {90, 5, workWaits, alert.Above}},
		"nobody knows whether it has":      {{0, 5, workNone, alert.Below}, {60, 5, workUnknown, alert.Unknown}, {62, 5, workWaits, alert.Between}, {90, 5, workWaits, alert.Above}},
		"a successor's commit is progress": {{0, 5, workWaits, alert.Unknown}, {30, 9, workWaits, alert.Below}, {40, 5, workWaits, alert.Between}},
	} {
		var p progress
		for _, l := range looks {
			if got := p.look(l.position, l.work, at(l.second), 30*time.Second); got != l.want {
				t.Errorf("%s: at second %v: %v, want %v", name, l.second, got, l.want)
			}
		}
	}
}

// What a person reads names the step, or the state with its error.
func TestASummaryNamesWhatItStandsAt(t *testing.T) {
	t.Parallel()
	cfg := Config{Service: "vote"}.withDefaults()
	now := at(1000)
	in := place{"vote-tally", "vote.cast", 3}
	hung := view{
		place: in, known: true, offsets: offsets{committed: 5, end: 9, age: 40 * time.Second},
		claim:  &consume.ClaimState{State: consume.StateRunning, Next: 5},
		flight: &consume.InFlight{Offset: 5, Records: 1, Key: []byte("final/\xff3"), Step: consume.StepHandle, Since: at(960), Runaway: true},
	}
	away := view{place: in, claim: &consume.ClaimState{State: consume.StateOutage, Err: errors.New("redis is away"), Next: 5}}
	held := view{place: in, claim: &consume.ClaimState{State: consume.StateDeadLetterHeld, Err: errors.New("dlq.failed is read only"), Next: 5}}
	orphan := view{place: in, known: true, orphan: true, offsets: offsets{committed: 5, end: 9, age: 40 * time.Second}}
	for want, a := range map[string]*opsv1.Alert{
		"vote-tally on vote.cast/3 has stood at offset 5 for 31s: handle of offset 5 (key \"final/\\xff3\") has run for 40s": describe(opsv1.Alert_STUCK, true, hung, &cfg, at(969), now),
		"vote-tally on vote.cast/3 has stood at offset 5 for 31s: OUTAGE: redis is away":                                     describe(opsv1.Alert_STUCK, true, away, &cfg, at(969), now),
		"vote-tally on vote.cast/3 goes on, at offset 5":                                                                     describe(opsv1.Alert_STUCK, false, hung, &cfg, at(969), now),
		"vote-tally on vote.cast/3 cannot write a dead letter and holds offset 5: DEAD_LETTER_HELD: dlq.failed is read only": describe(opsv1.Alert_DEAD_LETTER_HELD, true, held, &cfg, at(969), now),
		"vote-tally on vote.cast/3 is 4 records and 40s behind: handle of offset 5 (key \"final/\\xff3\") has run for 40s":   describe(opsv1.Alert_LAG, true, hung, &cfg, at(969), now),
		"vote-tally on vote.cast/3 is 4 records and 40s behind: the group has no members":                                    describe(opsv1.Alert_LAG, true, orphan, &cfg, at(969), now),
	} {
		if a.GetSummary() != want {
			t.Errorf("%s: %q, want %q", a.GetName(), a.GetSummary(), want)
		}
	}
	a := describe(opsv1.Alert_STUCK, true, hung, &cfg, at(969), now)
	if a.GetName() != "stuck/vote-tally/vote.cast/3" || a.GetStep() != "handle" || a.GetLabels()["key"] != "final/\uFFFD3" || a.GetLabels()["runaway"] != "true" {
		t.Errorf("%v", a)
	}
	if name := describe(opsv1.Alert_DEAD_LETTER_HELD, true, held, &cfg, at(0), now).GetName(); name != "dead-letter-held/vote-tally/vote.cast/3" {
		t.Error(name)
	}
}

func TestSettingsAreCheckedAtOnce(t *testing.T) {
	t.Parallel()
	err := Config{
		Groups: []Watched{{Group: "g"}, {Group: "g", Topics: []string{"t"}}}, Every: -1, ClearAge: time.Hour, ClearRecords: 1e9,
		Looks: alert.Looks{Raise: -1}, StuckAfter: -1, AgeReads: -1,
	}.Validate()
	for _, want := range []string{"Service", "no topics", "twice", "Every", "ClearAge", "ClearRecords", "Looks", "StuckAfter", "AgeReads"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named: %v", want, err)
		}
	}
	if err := (Config{Service: "s", Groups: []Watched{{Group: "g", Topics: []string{"t"}}}}).Validate(); err != nil {
		t.Error(err)
	}
}
