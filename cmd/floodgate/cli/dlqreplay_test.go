package cli

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

const replayID = "0193a1b2-0000-7000-8000-000000000001"

func (f *fakeDLQ) ReplayFailure(_ context.Context, r *dlqv1.ReplayFailureRequest) (*dlqv1.ReplayFailureResponse, error) {
	f.note("replay", r.GetFailureId(), r.GetReason())
	return &dlqv1.ReplayFailureResponse{ReplayId: replayID}, nil
}

func (f *fakeDLQ) CreateReplay(_ context.Context, r *dlqv1.CreateReplayRequest) (*dlqv1.CreateReplayResponse, error) {
	f.note("create", r.GetFilter(), fmt.Sprint(r.GetRatePerSecond(), r.GetCanary(), r.GetStopAtFailureRatio(), r.GetDryRun()))
	res := &dlqv1.CreateReplayResponse{
		ReplayId: replayID, Selected: 40, AlreadyResolved: 2,
		Destinations: []*dlqv1.Destination{
			{Topic: "vote.cast.replay.vote-tally", Count: 40}, {Topic: "orders", Count: 7, Warnings: []string{"every group that reads orders gets these records again"}},
		},
		Conflicts: []*dlqv1.Conflict{{Group: "vote-tally", Key: "final/3", Earlier: 7}},
	}
	if r.GetDryRun() {
		res.ReplayId = ""
	}
	return res, nil
}

// WatchReplay sends a replay in its middle and at its end; that of a filter
// about poison has one that failed again, that of one about twice some that were
// applied before.
func (f *fakeDLQ) WatchReplay(r *dlqv1.WatchReplayRequest, s grpc.ServerStreamingServer[dlqv1.Replay]) error {
	f.mu.Lock()
	poison, twice := strings.Contains(f.asked[len(f.asked)-1], "poison"), strings.Contains(f.asked[len(f.asked)-1], "twice")
	f.mu.Unlock()
	at := &dlqv1.Replay{ReplayId: r.GetReplayId(), State: dlqv1.Replay_RUNNING, Selected: 40, Published: 20, Applied: 10}
	if err := s.Send(at); err != nil {
		return err
	}
	end := &dlqv1.Replay{ReplayId: r.GetReplayId(), State: dlqv1.Replay_DONE, Selected: 40, Published: 40, Applied: 40}
	if poison {
		end.State, end.Published, end.Applied, end.FailedAgain, end.Skipped, end.StopReason = dlqv1.Replay_STOPPED, 30, 10, 20, 10, "20 of 30 outcomes failed again"
	}
	if twice {
		end.AlreadyApplied = 3
	}
	return s.Send(end)
}

func (f *fakeDLQ) CancelReplay(_ context.Context, r *dlqv1.CancelReplayRequest) (*dlqv1.Replay, error) {
	f.note("cancel", r.GetReplayId(), r.GetReason())
	return &dlqv1.Replay{ReplayId: r.GetReplayId(), State: dlqv1.Replay_CANCELED, Selected: 40, Published: 5}, nil
}

// Each form of replay asks for what was said, tells what it selected apart from
// its result, and exits by what became of it.
func TestDLQReplay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args  []string
		asked string
		code  int
		out   string
		err   string
	}{
		"one failure": {
			[]string{"replay", failureID, "--reason", "mended"}, "replay " + failureID + " mended", 0,
			replayID + "  DONE  40 selected, 40 published, 40 applied, 0 failed again, 0 skipped\n", "",
		},
		"a filter": {
			[]string{"replay", "--filter", "status = OPEN", "--canary", "--rate", "50", "--stop-at", "0.25"}, "create status = OPEN 50 true 0.25 false", 0,
			replayID + "  DONE", "40 to vote.cast.replay.vote-tally\n       7 to orders\n         every group that reads orders gets these records again\n  final/3 of vote-tally: 7 earlier ones are open and not selected\n",
		},
		"some were applied before": {
			[]string{"replay", "--filter", "twice = yes"}, "create twice = yes 1000 false 0.1 false", 0,
			"40 published, 40 applied (3 of them before), 0 failed again", "",
		},
		"a dry run": {
			[]string{"replay", "--filter", "status = OPEN", "--dry-run"}, "create status = OPEN 1000 false 0.1 true", 0,
			"40 selected, 2 resolved already\n", "",
		},
		"too many fail again": {
			[]string{"replay", "--filter", "poison = yes"}, "create poison = yes 1000 false 0.1 false", exitFailed,
			"STOPPED  40 selected, 30 published, 10 applied, 20 failed again, 10 skipped\n20 of 30 outcomes failed again\n", "STOPPED, 20 failed again",
		},
		"for programs": {
			[]string{"replay", failureID, "-o", "json"}, "replay " + failureID + " ", 0, `"state": "DONE"`, "",
		},
		"detached": {[]string{"replay", failureID, "--detach"}, "replay " + failureID + " ", 0, replayID + "\n", ""},
		"a cancel": {[]string{"cancel", replayID, "--reason", "wrong"}, "cancel " + replayID + " wrong", 0, replayID + "  CANCELED", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, addr := serveDLQ(t)
			code, out, errOut := call(t, append([]string{"dlq", tc.args[0], "--dlq-addr", addr}, tc.args[1:]...)...)
			if code != tc.code || !strings.Contains(out, tc.out) || !strings.Contains(errOut, tc.err) {
				t.Errorf("exit %d, want %d\n%s\n%s", code, tc.code, out, errOut)
			}
			if len(fake.asked) != 1 || fake.asked[0] != tc.asked {
				t.Errorf("asked %q, want %q", fake.asked, tc.asked)
			}
		})
	}
}

func TestDLQReplayIsToldWhatToTake(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"dlq", "replay"}, {"dlq", "replay", failureID, "--filter", "status = OPEN"}, {"dlq", "replay", failureID, "--dry-run"}} {
		if code, _, errOut := call(t, args...); code == 0 || !strings.Contains(errOut, "--") {
			t.Errorf("%v: exit %d, %s", args, code, errOut)
		}
	}
}
