package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"floodgate.internal/tests/bench/internal/usage"
)

// startTimeout bounds a start, and a drain, which is a child's start too: what
// takes longer hangs.
const startTimeout = 5 * time.Minute

// Starter starts children. Safe for concurrent use.
type Starter struct {
	// ProfileDir takes a CPU profile of each child; empty: none.
	ProfileDir string
	// Log takes what children write to their standard error.
	Log io.Writer

	started atomic.Int32
}

// Process is a running child; not safe for concurrent use.
type Process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	name    string
	// PID is the child's process id.
	PID int
}

// Start starts the child of that name and waits until it is ready; info, a
// pointer or nil, takes what it says then. The child is killed when ctx ends.
func (s *Starter) Start(ctx context.Context, name string, settings, info any) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program itself: %w", err)
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		return nil, fmt.Errorf("settings of %s: %w", name, err)
	}
	o := order{Name: name, Settings: raw}
	if n := s.started.Add(1); s.ProfileDir != "" {
		o.Profile = filepath.Join(s.ProfileDir, fmt.Sprintf("%03d-%s.pprof", n, name))
	}
	p := &Process{command: exec.CommandContext(ctx, self, Command), name: name}
	p.command.Stderr = s.Log
	if err := p.begin(o, info); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

func (p *Process) begin(o order, info any) error {
	var err error
	if p.in, err = p.command.StdinPipe(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.out = bufio.NewReader(out)
	if err := p.command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.PID = p.command.Process.Pid
	defer time.AfterFunc(startTimeout, func() { _ = p.command.Process.Kill() }).Stop()
	if err := json.NewEncoder(p.in).Encode(o); err != nil {
		return fmt.Errorf("order to %s: %w", p.name, err)
	}
	a, err := p.read()
	if err == nil && info != nil {
		err = json.Unmarshal(a.Info, info)
	}
	return err
}

// Run runs a child to its end, which is when it is ready: result, a pointer,
// takes what it says then.
func (s *Starter) Run(ctx context.Context, name string, settings, result any) error {
	p, err := s.Start(ctx, name, settings, result)
	if err != nil {
		return err
	}
	return p.Stop()
}

// Usage asks the child what it has used so far.
func (p *Process) Usage() (usage.Usage, error) {
	if _, err := p.in.Write([]byte("usage\n")); err != nil {
		return usage.Usage{}, fmt.Errorf("ask %s for its usage: %w", p.name, err)
	}
	a, err := p.read()
	return a.Usage, err
}

func (p *Process) read() (answer, error) {
	var a answer
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		return answer{}, fmt.Errorf("answer of %s: %w", p.name, err)
	}
	return a, nil
}

// Stop ends the child and waits for it.
func (p *Process) Stop() error {
	if p.in != nil {
		_ = p.in.Close()
	}
	if p.command.Process == nil {
		return nil
	}
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("child %s: %w", p.name, err)
	}
	return nil
}
