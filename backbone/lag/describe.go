package lag

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"floodgate.internal/backbone/consume"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// maxText bounds a label's value, in bytes: an error may quote a whole query.
const maxText = 1024

// nameOf names an alert about a place.
func nameOf(kind opsv1.Alert_Kind, at place) string {
	word := strings.ToLower(strings.ReplaceAll(kind.String(), "_", "-"))
	return fmt.Sprintf("%s/%s/%s/%d", word, at.group, at.topic, at.partition)
}

// describe makes the alert of a change.
func describe(kind opsv1.Alert_Kind, raised bool, v view, cfg *Config, since, now time.Time) *opsv1.Alert {
	a := &opsv1.Alert{
		Name: nameOf(kind, v.place), State: opsv1.Alert_CLEARED, Severity: opsv1.Alert_CRITICAL, Kind: kind,
		Service: cfg.Service, Group: v.group, Topic: v.topic, Partition: v.partition,
		Since: timestamppb.New(since), ChangedAt: timestamppb.New(now),
		Readings: readings(kind, raised, v, cfg, since, now), Labels: labels(v, now),
	}
	if raised {
		a.State = opsv1.Alert_RAISED
	}
	if kind == opsv1.Alert_LAG && !v.orphan {
		a.Severity = opsv1.Alert_WARNING // it is late, and it works
	}
	if v.claim != nil {
		a.ClaimState = string(v.claim.State)
	}
	if v.flight != nil {
		a.Step = text(v.flight.Step)
	}
	a.Summary = text(summary(kind, raised, v, since, now))
	return a
}

// readings are the numbers that decided, with the bound that counts next.
func readings(kind opsv1.Alert_Kind, raised bool, v view, cfg *Config, since, now time.Time) []*opsv1.Alert_Reading {
	records, age := cfg.RaiseRecords, cfg.RaiseAge
	if !raised {
		records, age = cfg.ClearRecords, cfg.ClearAge
	}
	lag, seconds := numbers(v)
	all := []*opsv1.Alert_Reading{
		{Name: "lag_records", Value: float64(lag), Threshold: float64(records)},
		{Name: "lag_seconds", Value: seconds, Threshold: age.Seconds()},
	}
	if kind == opsv1.Alert_STUCK && raised {
		all = append(all, &opsv1.Alert_Reading{Name: "still_seconds", Value: now.Sub(since).Seconds(), Threshold: cfg.StuckAfter.Seconds()})
	}
	return all
}

// numbers are the lag in records and in seconds, -1 where unknown.
func numbers(v view) (records int64, seconds float64) {
	if !v.known {
		return unknown, unknown
	}
	records, seconds = v.offsets.end-v.offsets.committed, unknown
	if v.offsets.age >= 0 {
		seconds = v.offsets.age.Seconds()
	}
	return records, seconds
}

// labels say what the claim is at.
func labels(v view, now time.Time) map[string]string {
	all := make(map[string]string)
	if f := v.flight; f != nil {
		all["offset"], all["key"] = strconv.FormatInt(f.Offset, 10), text(string(f.Key))
		all["records"], all["age"] = strconv.Itoa(f.Records), round(now.Sub(f.Since)).String()
		if f.Runaway {
			all["runaway"] = "true"
		}
	}
	if v.claim != nil && v.claim.Err != nil {
		all["error"] = text(v.claim.Err.Error())
	}
	if v.claim != nil && v.claim.CommitErr != nil {
		all["commit_error"] = text(v.claim.CommitErr.Error())
	}
	return all
}

// summary is one sentence for a person.
func summary(kind opsv1.Alert_Kind, raised bool, v view, since, now time.Time) string {
	where := fmt.Sprintf("%s on %s/%d", v.group, v.topic, v.partition)
	switch {
	case kind == opsv1.Alert_LAG && raised && v.orphan:
		return fmt.Sprintf("%s is %s behind: the group has no members", where, behind(v))
	case kind == opsv1.Alert_LAG && raised:
		return fmt.Sprintf("%s is %s behind%s", where, behind(v), cause(v, now))
	case kind == opsv1.Alert_LAG:
		return fmt.Sprintf("%s has caught up: %s behind", where, behind(v))
	case kind == opsv1.Alert_STUCK && raised:
		return fmt.Sprintf("%s has stood at offset %d for %s%s", where, v.claim.Next, round(now.Sub(since)), cause(v, now))
	case kind == opsv1.Alert_STUCK:
		return fmt.Sprintf("%s goes on, at offset %d", where, v.claim.Next)
	case raised:
		return fmt.Sprintf("%s cannot write a dead letter and holds offset %d%s", where, v.claim.Next, cause(v, now))
	default:
		return fmt.Sprintf("%s writes its dead letters again, at offset %d", where, v.claim.Next)
	}
}

// behind is the lag in words.
func behind(v view) string {
	records, seconds := numbers(v)
	if records < 0 {
		return "an unknown number of records"
	}
	words := fmt.Sprintf("%d records", records)
	if seconds >= 0 {
		words += fmt.Sprintf(" and %s", round(v.offsets.age))
	}
	return words
}

// cause names the step or the state in which the claim is, where there is one.
func cause(v view, now time.Time) string {
	var words string
	if v.claim != nil && v.claim.State != consume.StateRunning {
		words = fmt.Sprintf(": %s: %v", v.claim.State, v.claim.Err)
	}
	if v.claim != nil && v.claim.CommitErr != nil {
		words += fmt.Sprintf(": commits are held: %v", v.claim.CommitErr)
	}
	if f := v.flight; f != nil {
		words += fmt.Sprintf(": %s of offset %d (key %q) has run for %s", f.Step, f.Offset, f.Key, round(now.Sub(f.Since)))
	}
	return words
}

// round spares a person the nanoseconds.
func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// text makes what came from outside fit into a protobuf string.
func text(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxText)], "\uFFFD")
}
