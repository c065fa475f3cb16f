// Package program builds floodgate and runs `floodgate up` as a person does, in
// a process of its own.
package program

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"floodgate.internal/tests/bench/internal/servers"
)

// importPath is the program's.
const importPath = "floodgate.internal/cmd/floodgate"

// Build builds floodgate into dir and answers the file. It must be called from
// within the workspace, as `go run ./tests/bench` does.
func Build(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "floodgate")
	build := exec.CommandContext(ctx, "go", "build", "-o", file, importPath) //nolint:gosec // no word of it is a stranger's
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", importPath, err, out)
	}
	return file, nil
}

// Prebuilt is the command of a built file, GoRun that of its source.
func Prebuilt(file string) []string { return []string{file} }

// GoRun runs the source through the go command, whose build cache may be warm.
func GoRun() []string { return []string{"go", "run", importPath} }

// Warm runs the source once, so that the build cache has all that GoRun needs.
func Warm(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, "go", "run", importPath, "version").CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", importPath, err, out)
	}
	return nil
}

// Up is a running `floodgate up`.
type Up struct {
	// HTTP and GRPC are host:port; PID is the process that was started.
	HTTP, GRPC string
	PID        int
	// Ready is the time from its start until everything answered.
	Ready time.Duration

	command *exec.Cmd
	drained chan struct{}
}

// Start runs `command up` on a data directory and waits until it is ready.
func Start(ctx context.Context, command []string, s servers.Servers, dir string, log io.Writer) (*Up, error) {
	args := slices.Concat(command[1:], []string{"up", "--http-addr", "127.0.0.1:0", "--grpc-addr", "127.0.0.1:0",
		"--kafka-addr", "127.0.0.1:0", "--data-dir", dir, "--log-level", "WARN"})
	u := &Up{command: exec.CommandContext(ctx, command[0], args...), drained: make(chan struct{})} //nolint:gosec // no word of it is a stranger's
	u.command.Env, u.command.Stderr = s.Environment(), log
	// A group of its own, so that a signal reaches what `go run` started too.
	u.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	u.command.Cancel = func() error { return syscall.Kill(-u.command.Process.Pid, syscall.SIGKILL) }
	out, err := u.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := u.command.Start(); err != nil {
		return nil, fmt.Errorf("start floodgate up: %w", err)
	}
	u.PID = u.command.Process.Pid
	lines := bufio.NewScanner(out)
	told := false
	for !told && lines.Scan() {
		told = u.read(lines.Text())
	}
	u.Ready = time.Since(begun)
	go func() {
		defer close(u.drained)
		_, _ = io.Copy(io.Discard, out)
	}()
	if !told {
		return nil, errors.Join(errors.New("floodgate up ended before it was ready"), u.Stop())
	}
	return u, nil
}

// read takes a line of its output; true is the one that says it is ready.
func (u *Up) read(line string) bool {
	fields := strings.Fields(line)
	switch {
	case len(fields) == 2 && fields[0] == "REST":
		u.HTTP = strings.TrimPrefix(fields[1], "http://")
	case len(fields) == 2 && fields[0] == "gRPC":
		u.GRPC = fields[1]
	}
	return strings.HasPrefix(line, "ready")
}

// Stop stops it cleanly.
func (u *Up) Stop() error {
	if err := syscall.Kill(-u.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop floodgate up: %w", err)
	}
	<-u.drained
	// The go command answers a signal with a code of its own.
	if err := u.command.Wait(); err != nil && u.command.Args[0] != "go" {
		return fmt.Errorf("floodgate up: %w", err)
	}
	return nil
}

// CPU is what it used in all; to be asked after Stop.
func (u *Up) CPU() time.Duration {
	return u.command.ProcessState.UserTime() + u.command.ProcessState.SystemTime()
}

// Dir makes a directory and answers it.
func Dir(parts ...string) (string, error) {
	dir := filepath.Join(parts...)
	return dir, os.MkdirAll(dir, 0o700)
}
