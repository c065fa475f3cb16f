package burst_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"floodgate.internal/cmd/floodgate/burst"
	"floodgate.internal/cmd/floodgate/burst/bursttest"
)

// votes is how many a small burst casts.
const votes = 2_000

// small is a burst that a test can afford.
func small(target string, protocol burst.Protocol) burst.Config {
	cfg := burst.DefaultConfig()
	cfg.Target, cfg.Protocol = target, protocol
	cfg.Votes, cfg.Concurrency, cfg.Connections = votes, 32, 2
	cfg.RepeatVoters, cfg.Resends = 0.1, 0.1
	cfg.Seed = 42
	return cfg
}

// serve serves a box by either protocol.
func serve(t *testing.T, protocol burst.Protocol, box *bursttest.Ballotbox, faults bursttest.Faults) string {
	t.Helper()
	if protocol == burst.GRPC {
		return bursttest.ServeGRPC(t, box, faults)
	}
	return bursttest.ServeREST(t, box, faults)
}

func run(t *testing.T, cfg burst.Config) burst.Report {
	t.Helper()
	report, err := burst.Run(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// both runs a test by either protocol.
func both(t *testing.T, test func(t *testing.T, protocol burst.Protocol)) {
	t.Helper()
	for _, protocol := range []burst.Protocol{burst.REST, burst.GRPC} {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			test(t, protocol)
		})
	}
}

func requireEqual(t *testing.T, r burst.Report) {
	t.Helper()
	if !r.Equal() {
		t.Errorf("verdict: reconciled %t, %d differences %v", r.Reconciled, r.DifferencesTotal, r.Differences)
	}
	if sum := r.Accepted + r.Open + r.Refused + r.Unsent; sum != r.Votes {
		t.Errorf("the outcomes add up to %d of %d votes", sum, r.Votes)
	}
	if sum := r.Counted + r.Duplicates + r.Rejected + r.Voided; sum != r.Recorded {
		t.Errorf("the receipts add up to %d of %d recorded votes", sum, r.Recorded)
	}
}

// An honest service, slow to decide: everything is accepted, counted or a
// duplicate, and the drain is awaited.
func TestRun(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, protocol burst.Protocol) {
		box := bursttest.New(bursttest.Settings{CatchUp: 500})
		r := run(t, small(serve(t, protocol, box, bursttest.Faults{}), protocol))
		requireEqual(t, r)
		if r.Accepted != votes || r.Recorded != votes || r.Retries != 0 {
			t.Errorf("accepted %d, recorded %d, retries %d; want %d, %[4]d, 0", r.Accepted, r.Recorded, r.Retries, votes)
		}
		if r.Duplicates < 130 || r.Duplicates > 270 {
			t.Errorf("%d duplicates, want about 200", r.Duplicates)
		}
		if r.Resends < 130 || r.Requests != r.Votes+r.Resends {
			t.Errorf("%d requests with %d resends", r.Requests, r.Resends)
		}
		if r.Latency.Count != votes || r.Latency.P50 <= 0 || r.Corrected.Count < r.Latency.Count {
			t.Errorf("latency %+v, corrected %+v", r.Latency, r.Corrected)
		}
	})
}

// Every fault that a network and a busy service make, and yet each vote counts
// once.
func TestRunDisturbed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, protocol burst.Protocol) {
		box := bursttest.New(bursttest.Settings{CatchUp: 1_000})
		r := run(t, small(serve(t, protocol, box, bursttest.Faults{Refuse: 41, Deny: 43, Throttle: 47, Drop: 53}), protocol))
		requireEqual(t, r)
		if r.Accepted != votes {
			t.Errorf("accepted %d of %d", r.Accepted, votes)
		}
		if r.Retries == 0 || r.LostAnswers == 0 || len(r.Causes) < 2 {
			t.Errorf("%d retries, %d lost answers, causes %v", r.Retries, r.LostAnswers, r.Causes)
		}
	})
}

// Votes whose answer never came are open: recorded or not, both is right.
func TestRunGivesUp(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, protocol burst.Protocol) {
		cfg := small(serve(t, protocol, bursttest.New(bursttest.Settings{}), bursttest.Faults{Refuse: 7, Deny: 11}), protocol)
		cfg.RetryFor = 0
		r := run(t, cfg)
		requireEqual(t, r)
		if r.Open == 0 || r.OpenRecorded == 0 || r.OpenRecorded == r.Open || r.Retries != 0 {
			t.Errorf("%d open, %d of them recorded, %d retries", r.Open, r.OpenRecorded, r.Retries)
		}
	})
}

// A service that never answers is waited for until the request's limit.
func TestRunTimesOut(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, protocol burst.Protocol) {
		cfg := small(serve(t, protocol, bursttest.New(bursttest.Settings{}), bursttest.Faults{Hang: 100}), protocol)
		cfg.Votes, cfg.RequestTimeout = 300, 200*time.Millisecond
		r := run(t, cfg)
		requireEqual(t, r)
		if r.LostAnswers == 0 || r.Latency.Max < cfg.RequestTimeout {
			t.Errorf("%d lost answers, longest vote %s", r.LostAnswers, r.Latency.Max)
		}
	})
}

// A dishonest service is found out.
func TestRunFindsFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings bursttest.Settings
		kind     string
	}{
		"loss":    {bursttest.Settings{LoseEvery: 100}, "MISSING"},
		"double":  {bursttest.Settings{CountTwiceEvery: 100}, "WRONG_TALLY"},
		"phantom": {bursttest.Settings{Phantoms: 3}, "PHANTOM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := small(bursttest.ServeREST(t, bursttest.New(c.settings), bursttest.Faults{}), burst.REST)
			cfg.DrainTimeout, cfg.Resends = 300*time.Millisecond, 0
			r := run(t, cfg)
			found := false
			for kind := range r.DifferencesByKind {
				found = found || string(kind) == c.kind
			}
			if r.Equal() || !found {
				t.Errorf("found %v, want %s", r.DifferencesByKind, c.kind)
			}
		})
	}
}

// A second burst into the same poll is judged beside the first; the first one
// repeated under its seed adds to nothing.
func TestRunSharedPoll(t *testing.T) {
	t.Parallel()
	target := bursttest.ServeREST(t, bursttest.New(bursttest.Settings{}), bursttest.Faults{})
	cfg := small(target, burst.REST)
	cfg.PollID = "shared"
	requireEqual(t, run(t, cfg))

	cfg.SkipPoll = true
	repeated := run(t, cfg)
	requireEqual(t, repeated)
	if repeated.Recorded != votes || repeated.Foreign != 0 {
		t.Errorf("repeated: recorded %d, foreign %d", repeated.Recorded, repeated.Foreign)
	}
	cfg.Seed = 43
	second := run(t, cfg)
	requireEqual(t, second)
	if second.Recorded != 2*votes || second.Foreign != votes {
		t.Errorf("second: recorded %d, foreign %d", second.Recorded, second.Foreign)
	}
}

// In open loop a vote's time begins when it is due, so the same percentiles
// stand as corrected ones.
func TestRunOpenLoop(t *testing.T) {
	t.Parallel()
	cfg := small(bursttest.ServeREST(t, bursttest.New(bursttest.Settings{}), bursttest.Faults{}), burst.REST)
	cfg.Votes, cfg.Rate = 500, 2_000
	r := run(t, cfg)
	requireEqual(t, r)
	if r.Corrected != r.Latency || r.Duration < 249*time.Millisecond {
		t.Errorf("500 votes at 2000/s in %s; latency %+v, corrected %+v", r.Duration, r.Latency, r.Corrected)
	}
}

// Fire needs nothing but an answer to each vote.
func TestFire(t *testing.T) {
	t.Parallel()
	cfg := small(bursttest.Answering(t), burst.REST)
	cfg.Bare = true
	r, err := burst.Fire(t.Context(), cfg, nil)
	if err != nil || r.Accepted != votes || r.Reconciled {
		t.Errorf("%v: accepted %d, reconciled %t", err, r.Accepted, r.Reconciled)
	}
	cfg.Bare = false
	if r, err = burst.Fire(t.Context(), cfg, nil); err != nil || len(r.Causes) != 1 || r.Causes[0].Name != "another vote's answer" {
		t.Errorf("%v: an answer to another vote must be noticed: %v", err, r.Causes)
	}
}

// A burst that is cut short says so, and of each vote what is known.
func TestRunCancelled(t *testing.T) {
	t.Parallel()
	cfg := small(bursttest.ServeREST(t, bursttest.New(bursttest.Settings{}), bursttest.Faults{Hang: 50}), burst.REST)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	r, err := burst.Run(ctx, cfg, func(p burst.Progress) {
		if p.Done > 0 {
			cancel(enough)
		}
	})
	if !errors.Is(err, enough) || r.Reconciled {
		t.Errorf("err %v, reconciled %t", err, r.Reconciled)
	}
	if sum := r.Accepted + r.Open + r.Refused + r.Unsent; sum != r.Votes || r.Unsent == 0 {
		t.Errorf("%d of %d votes are told, %d unsent", sum, r.Votes, r.Unsent)
	}
}

// Nobody there: an error, and no verdict.
func TestRunNobody(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, protocol burst.Protocol) {
		target := "127.0.0.1:1"
		if protocol == burst.REST {
			target = "http://" + target
		}
		if r, err := burst.Run(t.Context(), small(target, protocol), nil); err == nil || r.Reconciled {
			t.Errorf("err %v, report %+v", err, r)
		}
	})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	if err := small("http://127.0.0.1:1", burst.REST).Validate(); err != nil {
		t.Error(err)
	}
	err := burst.Config{SkipPoll: true, Rate: -1}.Validate()
	faults := fmt.Sprint(err)
	for _, want := range []string{"Target", "Protocol", "Votes", "Concurrency", "Connections", "Rate", "PollID", "RequestTimeout", "DrainTimeout"} {
		if !strings.Contains(faults, want) {
			t.Errorf("%s is not among the faults: %s", want, faults)
		}
	}
}
