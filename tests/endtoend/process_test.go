package endtoend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"floodgate.internal/cmd/floodgate/cli"
)

// patience bounds every wait for another process: far above what it takes, so
// that only what hangs is cut.
const patience = 2 * time.Minute

// asProgram is the variable by which this test binary is told to be the program.
const asProgram = "FLOODGATE_TEST_AS_PROGRAM"

// TestMain is the program itself where the variable is set: the same code with
// the same race detector, whatever `go test` was told, and no second build.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// process is a call of floodgate that was started.
type process struct {
	cmd *exec.Cmd
	// ended is closed once err says how it ended.
	ended chan struct{}
	err   error
}

// program starts floodgate. It inherits the environment, so that with
// FLOODGATE_KAFKA_BROKERS, FLOODGATE_REDIS_ADDRS and FLOODGATE_DATABASE_URL it
// stands on real servers.
func program(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(self, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asProgram+"=yes")
	p.cmd.Stdout, p.cmd.Stderr = t.Output(), t.Output()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// wait answers how the process ended.
func (p *process) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-p.ended:
		return p.err
	case <-time.After(patience):
		t.Fatalf("%v: still there after %s", p.cmd.Args[1:], patience)
		return nil
	}
}

// end sends a signal and answers how the process ended.
func (p *process) end(t *testing.T, signal syscall.Signal) error {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return p.wait(t)
}

// stack is a running `floodgate up`.
type stack struct {
	*process
	addrs addresses
}

// addresses is what `up` writes into its data directory.
type addresses struct {
	HTTP  string `json:"http"`
	GRPC  string `json:"grpc"`
	Kafka string `json:"kafka"`
}

// up starts the program on a data directory and waits until it is ready. What
// an earlier run announced there is removed, to be seen written anew.
func up(t *testing.T, dir string, at addresses) *stack {
	t.Helper()
	announced := filepath.Join(dir, "addresses.json")
	if err := os.RemoveAll(announced); err != nil {
		t.Fatal(err)
	}
	s := &stack{process: program(t, "up", "--data-dir", dir, "--http-addr", at.HTTP, "--grpc-addr", at.GRPC, "--kafka-addr", at.Kafka)}
	await(t, "the addresses", func(context.Context) error {
		content, err := os.ReadFile(announced)
		if err != nil {
			return err
		}
		return json.Unmarshal(content, &s.addrs)
	})
	await(t, "readiness", func(ctx context.Context) error { return s.get(ctx, "/readyz", nil) })
	return s
}

// await asks until the answer is no error.
func await(t *testing.T, what string, ask func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no %s within %s: %v", what, patience, err)
		case <-tick.C:
		}
	}
}

// get asks over REST and decodes the answer, if into is not nil; anything but
// 200 is an error.
func (s *stack) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addrs.HTTP+path, http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, res.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(into)
}
