package introspect_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/introspect"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// crowd is a member of a group with n attempts in each of its partitions, each
// as large as they come. The youngest stand first.
type crowd struct{ partitions, n int }

func (c crowd) Claims() []consume.ClaimState {
	var out []consume.ClaimState
	for p := range c.partitions {
		out = append(out, consume.ClaimState{
			Claim: consume.Claim{Topic: "vote.cast", Partition: int32(c.partitions - 1 - p), Generation: 3, Start: 5},
			State: consume.StateOutage, Since: time.Now(), Err: fmt.Errorf("%s", strings.Repeat("é", 4000)), Next: 7,
		})
	}
	return out
}

func (c crowd) InFlight() []consume.InFlight {
	var out []consume.InFlight
	key := []byte(strings.Repeat("k", 4000))
	for i := range c.n {
		for p := range c.partitions {
			out = append(out, consume.InFlight{
				Topic: "vote.cast", Partition: int32(p), Offset: int64(i), Records: 1, Step: consume.StepHandle,
				Key: key, Since: time.Now().Add(-time.Duration(i) * time.Second),
			})
		}
	}
	return out
}

// An answer fits, whatever there is to tell: what was cut is named, and the
// oldest come first.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := introspect.New(introspect.Build{})
		lag, step := make([]introspect.Lag, 10_000), strings.Repeat("s", 5000)
		for i := range lag {
			lag[i] = introspect.Lag{Group: "g", Topic: "vote.cast", Partition: int32(i), Step: step}
		}
		r.Add("vote", introspect.Group("g", crowd{12, 1000}), introspect.Lags("lag", one(lag...)))
		r.Add("queue", introspect.Breakers("b", one(introspect.Breaker{Name: "redis", State: "CLOSED"})))
		r.Add("notify", introspect.Lags("lag", one(lag...)))
		res := r.Inspect(t.Context(), &opsv1.InspectRequest{MaxInFlight: proto.Int32(1000)})
		if size := proto.Size(res); size > 2<<20 {
			t.Errorf("%d bytes", size)
		}
		queue, vote := res.GetServices()[1], res.GetServices()[2]
		if len(queue.GetBreakers()) != 1 || len(queue.GetCut()) != 0 {
			t.Errorf("another service's share was taken: %v", queue)
		}
		if len(vote.GetLag()) == 0 || fmt.Sprint(vote.GetCut()) != "[LAG CLAIMS IN_FLIGHT]" || vote.GetInFlightTotal() != 12_000 {
			t.Errorf("cut %v, %d of lag, %d in flight in all", vote.GetCut(), len(vote.GetLag()), vote.GetInFlightTotal())
		}
	})
}

func TestRecordsInFlightAreTheOldest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := introspect.New(introspect.Build{})
		r.Add("vote", introspect.Group("young", crowd{1, 10}), introspect.Group("old", crowd{2, 300}))
		ask := func(limit *int32) *opsv1.ServiceState {
			return r.Inspect(t.Context(), &opsv1.InspectRequest{MaxInFlight: limit}).GetServices()[0]
		}
		s := ask(proto.Int32(4))
		if len(s.GetInFlight()) != 4 || s.GetInFlightTotal() != 610 || len(s.GetCut()) != 0 {
			t.Fatalf("%d of %d, cut %v", len(s.GetInFlight()), s.GetInFlightTotal(), s.GetCut())
		}
		for i, f := range s.GetInFlight() {
			if f.GetGroup() != "old" || f.GetOffset() != int64(299-i/2) || f.GetAge().AsDuration() < time.Duration(299-i/2)*time.Second {
				t.Errorf("%d: %v", i, f)
			}
			if f.GetKey() != strings.Repeat("k", 128)+"…" {
				t.Errorf("key %q", f.GetKey())
			}
		}
		if n := len(ask(nil).GetInFlight()); n != 100 {
			t.Errorf("%d by default", n)
		}
		// Each claim knows its own oldest, however many are listed.
		for i, c := range s.GetClaims() {
			want := int64([]int{300, 300, 10}[i])
			if c.GetInFlight() != want || c.GetOldest().GetOffset() != want-1 || c.GetOldest().GetStep() != "handle" || c.GetPartition() != []int32{0, 1, 0}[i] {
				t.Errorf("claim %d: %v", i, c)
			}
			if c.GetState() != opsv1.ClaimState_OUTAGE || c.GetNext() != 7 || c.GetStart() != 5 || c.GetGeneration() != 3 || c.GetSince() == nil {
				t.Errorf("claim %d: %v", i, c)
			}
			if e := c.GetError(); len(e) > 1<<10+len("…") || !utf8.ValidString(e) || !strings.HasSuffix(e, "é…") {
				t.Errorf("an error of %d bytes ends in %q", len(e), e[len(e)-8:])
			}
		}
	})
}

// keyed is a member with one attempt, at a record of that key.
type keyed string

func (keyed) Claims() []consume.ClaimState { return nil }
func (k keyed) InFlight() []consume.InFlight {
	return []consume.InFlight{{Key: []byte(k), Step: "\xff", Since: time.Now()}}
}

// A key reads as text, and no byte of it reaches a terminal that is not one.
func TestKeysArePrintable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for key, want := range map[string]string{
			"final/7": "final/7", "": "", "투표/3": "투표/3",
			"\x1b[2Jgone\n": `\x1b[2Jgone\n`, "\xff\x00": `\xff\x00`,
		} {
			r := introspect.New(introspect.Build{})
			r.Add("vote", introspect.Group("g", keyed(key)))
			f := r.Inspect(t.Context(), nil).GetServices()[0].GetInFlight()[0]
			if f.GetKey() != want || !utf8.ValidString(f.GetStep()) {
				t.Errorf("%q: %q, step %q", key, f.GetKey(), f.GetStep())
			}
		}
	})
}

// Every state of a claim and of a breaker has its name in the contract.
func TestStatesAreNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, state := range []consume.State{
			consume.StateRunning, consume.StateRetrying, consume.StateStarting, consume.StateOutage, consume.StateDeadLetterHeld,
		} {
			r := introspect.New(introspect.Build{})
			r.Add("vote", introspect.Lags("lag", one(introspect.Lag{State: string(state)})))
			if got := r.Inspect(t.Context(), nil).GetServices()[0].GetLag()[0].GetState(); got.String() != string(state) {
				t.Errorf("%s is told as %s", state, got)
			}
		}
	})
}
