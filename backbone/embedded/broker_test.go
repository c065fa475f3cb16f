package embedded

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/goleak"
)

// TestCloseEndsEveryGoroutine looks at every goroutine of the process.
//
//nolint:paralleltest // the others' goroutines would count too
func TestCloseEndsEveryGoroutine(t *testing.T) {
	before := goleak.IgnoreCurrent()
	b, err := StartBroker(t.Context(), BrokerConfig{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, before)
}

func TestAdvertisesTheAddressAskedFor(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "[::1]"} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			free, err := net.Listen("tcp", host+":0")
			if err != nil {
				t.Skipf("this machine has no %s: %v", host, err)
			}
			addr := free.Addr().String()
			if err := free.Close(); err != nil {
				t.Fatal(err)
			}
			b := startBroker(t, BrokerConfig{Addr: addr})
			if got := b.Addrs(); len(got) != 1 || got[0] != addr {
				t.Fatalf("Addrs() = %v, want %s", got, addr)
			}
			brokers := dial(t, b.Addrs()).Brokers()
			if len(brokers) != 1 || brokers[0].Addr() != addr {
				t.Fatalf("metadata names %v, want %s", brokers, addr)
			}
		})
	}
}

func TestRefusesAnAddressOthersCanReach(t *testing.T) {
	t.Parallel()
	_, err := StartBroker(t.Context(), BrokerConfig{Addr: "0.0.0.0:0"})
	if !errors.Is(err, ErrNotLoopback) {
		t.Fatalf("got %v, want ErrNotLoopback", err)
	}
}

func TestAddressInUseIsNamed(t *testing.T) {
	t.Parallel()
	first := startBroker(t, BrokerConfig{})
	_, err := StartBroker(t.Context(), BrokerConfig{Addr: first.Addrs()[0]})
	if err == nil || !strings.Contains(err.Error(), first.Addrs()[0]) {
		t.Fatalf("got %v, want the address in it", err)
	}
}

func TestDataDirHasOneOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	owner := startBroker(t, BrokerConfig{DataDir: dir})
	_, err := StartBroker(t.Context(), BrokerConfig{DataDir: dir})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Fatalf("got %v, want ErrLocked naming process %d", err, os.Getpid())
	}
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	startBroker(t, BrokerConfig{DataDir: dir})
}

func TestRestartKeepsRecordsAndCommits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startBroker(t, BrokerConfig{DataDir: dir})
	createTopic(t, first.Addrs(), "kept", 1, nil)
	client := dial(t, first.Addrs())
	produce(t, client, "kept", 10, time.Now())
	commit(t, client, "kept", 7)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	client = dial(t, startBroker(t, BrokerConfig{DataDir: dir}).Addrs())
	if got := readAll(t, client, "kept", 0); len(got) != 10 {
		t.Errorf("%d records after the restart, want 10", len(got))
	}
	if got := committed(t, client, "kept"); got != 7 {
		t.Errorf("committed offset %d after the restart, want 7", got)
	}
}

// commit is the request alone: an offset manager would first fetch the offsets
// of a group that is not there yet, see the package's list of differences.
func commit(t *testing.T, client sarama.Client, topic string, next int64) {
	t.Helper()
	coordinator, err := client.Coordinator("group")
	if err != nil {
		t.Fatal(err)
	}
	req := &sarama.OffsetCommitRequest{
		Version: 2, ConsumerGroup: "group",
		ConsumerGroupGeneration: sarama.GroupGenerationUndefined, RetentionTime: -1,
	}
	req.AddBlock(topic, 0, next, 0, "")
	answer, err := coordinator.CommitOffset(req)
	if err != nil {
		t.Fatal(err)
	}
	if code := answer.Errors[topic][0]; code != sarama.ErrNoError {
		t.Fatal(code)
	}
}

func committed(t *testing.T, client sarama.Client, topic string) int64 {
	t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := admin.ListConsumerGroupOffsets("group", map[string][]int32{topic: {0}})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetBlock(topic, 0).Offset
}

// A proxy in front is what clients are told of; the broker listens behind it.
func TestAdvertisesAnotherAddress(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	startBroker(t, BrokerConfig{Addr: addr, Advertise: "127.0.0.1:9"})
	brokers := dial(t, []string{addr}).Brokers()
	if len(brokers) != 1 || brokers[0].Addr() != "127.0.0.1:9" {
		t.Fatalf("metadata names %v", brokers)
	}
	if _, err := StartBroker(t.Context(), BrokerConfig{Advertise: "nowhere"}); err == nil {
		t.Error("an advertised address that is none was taken")
	}
}
