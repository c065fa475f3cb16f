package faults_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"floodgate.internal/backbone/embedded"
)

// embeddedKafka is the embedded broker in a process of its own, on one address
// and data directory through all its lives.
type embeddedKafka struct {
	t                  *testing.T
	address, advertise string
	dir                string
	process            *exec.Cmd
	lifeline           io.Closer // its standard input: it ends with this process
	frozen             bool
}

func newEmbeddedKafka(t *testing.T, advertise string) *embeddedKafka {
	t.Helper()
	return newEmbeddedKafkaAt(t, freeAddress(t), advertise)
}

func newEmbeddedKafkaAt(t *testing.T, address, advertise string) *embeddedKafka {
	t.Helper()
	k := &embeddedKafka{t: t, address: address, advertise: advertise, dir: t.TempDir()}
	t.Cleanup(func() {
		if k.process != nil {
			k.kill()
		}
	})
	k.start()
	return k
}

// freeAddress answers an address that stays free while nobody listens on it:
// its port lies above those that the system gives away (Linux: up to 60999).
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 61000+rand.N(4500))
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		if err != nil {
			continue
		}
		must(t, listener.Close())
		return address
	}
	t.Fatal("no free port")
	return ""
}

func (k *embeddedKafka) addrs() []string { return []string{k.address} }

func (k *embeddedKafka) start() {
	k.t.Helper()
	self, err := os.Executable()
	must(k.t, err)
	k.process = exec.Command(self)
	k.process.Env = append(os.Environ(), brokerVar+"="+strings.Join([]string{k.address, k.advertise, k.dir}, " "))
	k.process.Stderr = k.t.Output()
	out, err := k.process.StdoutPipe()
	must(k.t, err)
	k.lifeline, err = k.process.StdinPipe()
	must(k.t, err)
	must(k.t, k.process.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "listening\n" {
		k.t.Fatalf("the broker's process did not start: %q %v", line, err)
	}
}

func (k *embeddedKafka) stop() { k.end(syscall.SIGTERM) }

func (k *embeddedKafka) kill() { k.end(syscall.SIGKILL) }

func (k *embeddedKafka) end(by syscall.Signal) {
	k.t.Helper()
	if k.frozen {
		k.resume()
	}
	must(k.t, k.process.Process.Signal(by))
	_ = k.process.Wait() // killed: its status says nothing
	_ = k.lifeline.Close()
	k.process = nil
}

func (k *embeddedKafka) pause() {
	k.t.Helper()
	must(k.t, k.process.Process.Signal(syscall.SIGSTOP))
	k.frozen = true
}

func (k *embeddedKafka) resume() {
	k.t.Helper()
	must(k.t, k.process.Process.Signal(syscall.SIGCONT))
	k.frozen = false
}

// runBroker is the broker's process: it serves until SIGTERM, or until the
// process that started it is gone.
func runBroker(order string) error {
	parts := strings.SplitN(order, " ", 3)
	if len(parts) != 3 {
		return fmt.Errorf("order %q: want address, advertised address and directory", order)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	broker, err := embedded.StartBroker(ctx, embedded.BrokerConfig{Addr: parts[0], Advertise: parts[1], DataDir: parts[2], Partitions: 64})
	if err != nil {
		return err
	}
	fmt.Println("listening")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	<-ctx.Done()
	if err := broker.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
