//go:build unix

package embedded

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// helperVar turns the test binary into a helper process, see TestHelper.
const helperVar = "FLOODGATE_EMBEDDED_TEST_HELPER"

// TestHelper is no test: it is what the processes run that other tests start.
//
//nolint:paralleltest // alone in its process
func TestHelper(t *testing.T) {
	mode, dir, _ := strings.Cut(os.Getenv(helperVar), ":")
	switch mode {
	case "":
		t.Skip("runs in a process of its own only")
	case "broker":
		b := startBroker(t, BrokerConfig{DataDir: dir})
		fmt.Println("addr", b.Addrs()[0])
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent kills or leaves
	case "files":
		tooFewFiles(t, dir)
	}
}

// TestKillLosesNothingAcknowledged: writers send to every partition, each
// record awaited; in the middle the broker's process is killed. Every offset
// that was acknowledged must hold the value it was acknowledged for.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	const partitions, killAfter = 4, 400
	dir := t.TempDir()
	process, addr := startHelperBroker(t, dir)
	createTopic(t, []string{addr}, "burst", partitions, nil)

	acks := newAcks(killAfter)
	var writers sync.WaitGroup
	for p := range int32(partitions) {
		client := dial(t, []string{addr})
		writers.Go(func() { acks.write(client, p) })
	}
	<-acks.enough
	if err := process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	writers.Wait()

	client := dial(t, startBroker(t, BrokerConfig{DataDir: dir}).Addrs())
	for p, want := range acks.of {
		got := readAll(t, client, "burst", p)
		for offset, value := range want {
			if got[offset] != value {
				t.Fatalf("partition %d offset %d: %q after the kill, %q was acknowledged", p, offset, got[offset], value)
			}
		}
	}
}

// acks is what was acknowledged: value by partition and offset.
type acks struct {
	mu     sync.Mutex
	of     map[int32]map[int64]string
	left   int
	enough chan struct{}
}

func newAcks(enough int) *acks {
	return &acks{of: map[int32]map[int64]string{}, left: enough, enough: make(chan struct{})}
}

func (a *acks) add(partition int32, offset int64, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of[partition] == nil {
		a.of[partition] = map[int64]string{}
	}
	a.of[partition][offset] = value
	a.left--
	if a.left == 0 {
		close(a.enough)
	}
}

// write sends one record after the other until the broker is gone.
func (a *acks) write(client sarama.Client, partition int32) {
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		return
	}
	defer func() { _ = producer.Close() }()
	for i := 0; ; i++ {
		value := fmt.Sprintf("%d/%d", partition, i)
		_, offset, err := producer.SendMessage(&sarama.ProducerMessage{
			Topic: "burst", Partition: partition, Value: sarama.StringEncoder(value),
		})
		if err != nil {
			return
		}
		a.add(partition, offset, value)
	}
}

// startHelperBroker starts a broker in a process of its own on dir.
func startHelperBroker(t *testing.T, dir string) (*os.Process, string) {
	t.Helper()
	cmd := helper(t, "broker:"+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // killed: its status says nothing
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "addr "); ok {
			return cmd.Process, addr
		}
	}
	t.Fatal("the helper process ended without an address")
	return nil, ""
}

func helper(t *testing.T, mode string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelper$")
	cmd.Env = append(os.Environ(), helperVar+"="+mode)
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// TestTooFewOpenFilesIsSaidAtStart needs a process of its own: a hard limit
// cannot be raised again.
func TestTooFewOpenFilesIsSaidAtStart(t *testing.T) {
	t.Parallel()
	out, err := helper(t, "files:"+t.TempDir()).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// tooFewFiles lowers the limits: first the soft one, which is raised again,
// then the hard one too, which must end the start.
func tooFewFiles(t *testing.T, dir string) {
	setLimit(t, 300, 400)
	b := startBroker(t, BrokerConfig{DataDir: dir, Partitions: 30}) // needs 376
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	setLimit(t, 300, 300)
	_, err := StartBroker(t.Context(), BrokerConfig{DataDir: dir, Partitions: 30})
	if !errors.Is(err, ErrOpenFiles) || !strings.Contains(err.Error(), "ulimit -n 376") {
		t.Fatalf("got %v, want ErrOpenFiles with the number to set", err)
	}
}

func setLimit(t *testing.T, soft, hard uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur, limit.Max = soft, hard
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
}
