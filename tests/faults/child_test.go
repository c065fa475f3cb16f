package faults_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// child is a process of this binary that is killed and started again under the
// same order as often as a test likes.
type child struct {
	t        *testing.T
	env      string
	process  *exec.Cmd
	lifeline io.Closer // its standard input: it ends with this process
}

// newChild starts a process; variable tells it what it is, and order what to do.
func newChild(t *testing.T, variable string, order any) *child {
	t.Helper()
	text, err := json.Marshal(order)
	must(t, err)
	c := &child{t: t, env: variable + "=" + string(text)}
	t.Cleanup(func() {
		if c.process != nil {
			c.kill()
		}
	})
	c.start()
	return c
}

func (c *child) start() {
	c.t.Helper()
	self, err := os.Executable()
	must(c.t, err)
	c.process = exec.Command(self)
	c.process.Env = append(os.Environ(), c.env)
	c.process.Stderr = c.t.Output()
	c.lifeline, err = c.process.StdinPipe()
	must(c.t, err)
	must(c.t, c.process.Start())
}

// kill ends the process at once. One that has ended by itself is a fault.
func (c *child) kill() {
	c.t.Helper()
	_ = c.process.Process.Signal(syscall.SIGKILL) // gone already: its status says so
	_ = c.process.Wait()
	_ = c.lifeline.Close()
	status, ok := c.process.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		c.t.Errorf("a process ended before it was killed: %s", c.process.ProcessState)
	}
	c.process = nil
}
