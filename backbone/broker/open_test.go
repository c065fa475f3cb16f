package broker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"floodgate.internal/backbone/broker"
)

// advertising is a listener that says it is somewhere else: a broker's
// advertised.listeners gone wrong.
type advertising struct {
	net.Listener
	addr net.Addr
}

func (a advertising) Addr() net.Addr { return a.addr }

// deafPort is a loopback port on which nobody listens.
func deafPort(t *testing.T) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr)
}

// misadvertised runs a cluster whose brokers from number first on advertise
// addr; it answers where broker 0 really listens.
func misadvertised(t *testing.T, brokers, first int, addr net.Addr) string {
	t.Helper()
	var listening []string
	var mu sync.Mutex
	cluster(t, kfake.NumBrokers(brokers), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		listening = append(listening, l.Addr().String())
		if len(listening) <= first {
			return l, nil
		}
		return advertising{Listener: l, addr: addr}, nil
	}))
	return listening[0]
}

func TestOpenNamesTheAdvertisedAddressThatCannotBeReached(t *testing.T) {
	t.Parallel()
	deaf := deafPort(t)
	bootstrap := misadvertised(t, 1, 0, deaf)
	_, err := broker.Open(t.Context(), broker.Config{Brokers: []string{bootstrap}}, slog.New(slog.DiscardHandler))
	var unreachable *broker.UnreachableError
	if !errors.As(err, &unreachable) || unreachable.Advertised != deaf.String() || unreachable.Bootstrap != bootstrap {
		t.Fatalf("Open: %v", err)
	}
	for _, want := range []string{deaf.String(), bootstrap, "advertised.listeners", "FLOODGATE_KAFKA_BROKERS"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestOpenNotesAnotherClusterBehindTheAdvertisedAddress(t *testing.T) {
	t.Parallel()
	other, err := net.ResolveTCPAddr("tcp", cluster(t, kfake.ClusterID("other")).Brokers[0])
	if err != nil {
		t.Fatal(err)
	}
	bootstrap := misadvertised(t, 1, 0, other)
	_, err = broker.Open(t.Context(), broker.Config{Brokers: []string{bootstrap}}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "another cluster answers there: other") {
		t.Fatalf("Open: %v", err)
	}
}

// A single broker of several may have crashed and be listed yet: no verdict
// before its session is over, but the address is named while waiting.
func TestOpenWaitsForOneBrokerOfSeveral(t *testing.T) {
	t.Parallel()
	deaf := deafPort(t)
	bootstrap := misadvertised(t, 2, 1, deaf)
	log := newLog()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := broker.Open(ctx, broker.Config{Brokers: []string{bootstrap}}, slog.New(log))
		result <- err
	}()
	for _, want := range []string{"waiting for it", "still"} { // The second comes after 2 s and many attempts.
		if line := log.next(t); !strings.Contains(line, want) || !strings.Contains(line, deaf.String()) {
			t.Errorf("waiting: %s", line)
		}
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), deaf.String()) {
		t.Errorf("Open: %v", err)
	}
}

func TestOpenWaitsForABrokerThatIsAway(t *testing.T) {
	t.Parallel()
	addr := deafPort(t)
	log := newLog()
	result := make(chan error, 1)
	go func() {
		client, err := broker.Open(t.Context(), broker.Config{Brokers: []string{addr.String()}}, slog.New(log))
		if err == nil {
			err = client.Close()
		}
		result <- err
	}()
	if line := log.next(t); !strings.Contains(line, "waiting") || !strings.Contains(line, addr.String()) {
		t.Errorf("while away: %s", line)
	}
	cluster(t, kfake.Ports(addr.Port))
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if line := log.next(t); !strings.Contains(line, "kafka answers") {
		t.Errorf("once back: %s", line)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	addr := deafPort(t).String()
	_, err := broker.Open(ctx, broker.Config{Brokers: []string{addr}}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), addr) {
		t.Errorf("Open: %v", err)
	}
}

func TestOpenRefusesABadConfigurationAtOnce(t *testing.T) {
	t.Parallel()
	if _, err := broker.Open(t.Context(), broker.Config{}, nil); err == nil {
		t.Error("no fault")
	}
}

// logLines is a log whose lines a test awaits.
type logLines struct {
	slog.Handler
	lines chan string
}

func newLog() *logLines {
	l := &logLines{lines: make(chan string, 64)}
	l.Handler = slog.NewTextHandler(lineWriter(l.lines), nil)
	return l
}

func (l *logLines) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-l.lines:
		return line
	case <-t.Context().Done():
		t.Fatal("no log line")
		return ""
	}
}

type lineWriter chan string

func (w lineWriter) Write(line []byte) (int, error) {
	w <- string(bytes.TrimSpace(line))
	return len(line), nil
}
