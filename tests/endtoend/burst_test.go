package endtoend_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/uuid"
)

// The README's two commands; then the second with the program killed in its
// midst. One test, as on real servers there is one log for all.
func TestABurstIsCountedWholeThoughTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := up(t, dir, addresses{HTTP: "127.0.0.1:0", GRPC: "127.0.0.1:0", Kafka: "127.0.0.1:0"})
	if err := s.get(t.Context(), "/healthz", nil); err != nil {
		t.Error(err)
	}
	if err := burst(t, s, 5_000, newPoll()).wait(t); err != nil {
		t.Fatalf("a burst in quiet: %v", err)
	}

	poll := newPoll()
	disturbed := burst(t, s, 20_000, poll)
	await(t, "middle of the burst", func(ctx context.Context) error { return s.counted(ctx, poll, 2_000) })
	if err := s.end(t, syscall.SIGKILL); err == nil {
		t.Error("the process ended before it was killed")
	}
	s = up(t, dir, s.addrs)
	if err := disturbed.wait(t); err != nil {
		t.Errorf("a burst with a kill in its midst: %v", err)
	}

	if err := s.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// newPoll answers an id that no earlier run has used on the same servers.
func newPoll() string { return "endtoend-" + uuid.NewString() }

// burst starts a burst into a new poll; it fails where accepted and counted
// differ.
func burst(t *testing.T, s *stack, votes int, poll string) *process {
	t.Helper()
	return program(t, "burst", "--target", "http://"+s.addrs.HTTP, "--votes", strconv.Itoa(votes), "--poll-id", poll)
}

// counted is no error once a poll's tally has reached so many votes.
func (s *stack) counted(ctx context.Context, poll string, want int) error {
	var tally struct {
		Total int `json:"total,string"`
	}
	if err := s.get(ctx, "/api/v1/polls/"+poll+"/tally", &tally); err != nil {
		return err
	}
	if tally.Total < want {
		return fmt.Errorf("%d of %d votes are counted", tally.Total, want)
	}
	return nil
}
