package lag

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/alert"
	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

func TestMain(m *testing.M) {
	// sarama's meters tick in one goroutine for the life of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

var errAway = errors.New("the broker is away")

// cluster is a topic "t", the groups that read it and the log of alerts, in
// memory. Its functions lock it.
type cluster struct {
	mu        sync.Mutex
	away      bool
	hang      chan struct{} // what asks for ends hangs until it is closed
	ends      []int64       // by partition
	came      []time.Time   // of every record, in each partition alike
	committed map[string][]int64
	members   map[string]int
	reads     int // of records, for their time
	alerts    []alert.Entry
}

func newCluster(partitions int) *cluster {
	return &cluster{ends: make([]int64, partitions), committed: make(map[string][]int64), members: make(map[string]int)}
}

func (c *cluster) do(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// grow adds n records to every partition, now.
func (c *cluster) grow(n int) {
	c.do(func() {
		for p := range c.ends {
			c.ends[p] += int64(n)
		}
		for range n {
			c.came = append(c.came, time.Now())
		}
	})
}

// commit sets the group's offset in every partition.
func (c *cluster) commit(group string, offset int64) {
	c.do(func() { c.committed[group] = slices.Repeat([]int64{offset}, len(c.ends)) })
}

func (c *cluster) Ends(context.Context, string) ([]broker.Range, error) {
	c.mu.Lock()
	hang := c.hang
	c.mu.Unlock()
	if hang != nil {
		<-hang // deaf to its context, as the client is
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return nil, errAway
	}
	ranges := make([]broker.Range, len(c.ends))
	for p, end := range c.ends {
		ranges[p] = broker.Range{Partition: int32(p), Next: end} //nolint:gosec // a few
	}
	return ranges, nil
}

func (c *cluster) Committed(_ context.Context, group string, _ map[string][]int32) (map[string]map[int32]int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return nil, errAway
	}
	of := make(map[int32]int64)
	for p, offset := range c.committed[group] {
		of[int32(p)] = offset //nolint:gosec // a few
	}
	return map[string]map[int32]int64{"t": of}, nil
}

func (c *cluster) Members(_ context.Context, group string) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return 0, errAway
	}
	return c.members[group], nil
}

func (c *cluster) Time(_ context.Context, _ string, _ int32, offset, _ int64) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if c.away {
		return time.Time{}, errAway
	}
	return c.came[offset], nil
}

// timed answers how many records were read for their time.
func (c *cluster) timed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads
}

// told is what ops.alert says of an alert, in order.
func (c *cluster) told(name string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var states []string
	for _, e := range c.alerts {
		if e.Alert.GetName() == name {
			states = append(states, e.Alert.GetState().String())
		}
	}
	return states
}

// last is the last alert of that name.
func (c *cluster) last(name string) *opsv1.Alert {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range slices.Backward(c.alerts) {
		if e.Alert.GetName() == name {
			return e.Alert
		}
	}
	return nil
}

// journal is one process's view of the log of alerts.
type journal struct {
	*cluster
	next int
	read bool
}

func (j *journal) Read(context.Context) (alert.News, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.away {
		return alert.News{}, errAway
	}
	news := alert.News{Entries: slices.Clone(j.alerts[j.next:]), Anew: !j.read}
	j.next, j.read = len(j.alerts), true
	return news, nil
}

func (j *journal) Append(_ context.Context, a *opsv1.Alert) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.away {
		return errAway
	}
	j.alerts = append(j.alerts, alert.Entry{Offset: int64(len(j.alerts)), Alert: proto.CloneOf(a)})
	return nil
}

// member is a group's member whose claims the test sets.
type member struct {
	mu      sync.Mutex
	claims  []consume.ClaimState
	flights []consume.InFlight
}

func (m *member) Claims() []consume.ClaimState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.claims)
}

func (m *member) InFlight() []consume.InFlight {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.flights)
}

// set replaces what the member does.
func (m *member) set(flights []consume.InFlight, claims ...consume.ClaimState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims, m.flights = claims, flights
}

// claim is partition 0's of "t", at an offset.
func claim(next int64, state consume.State, err error) consume.ClaimState {
	return consume.ClaimState{Claim: consume.Claim{Topic: "t"}, State: state, Err: err, Next: next}
}

// process is a monitor and its board, running.
type process struct {
	*Monitor
	board *alert.Board
	stop  func()
}

// start runs a process that watches group g; as is nil where it is no member.
func start(t *testing.T, c *cluster, as Member, change func(*Config)) *process {
	t.Helper()
	cfg := Config{Service: "vote", Groups: []Watched{{Group: "g", Topics: []string{"t"}, Member: as}}}
	if change != nil {
		change(&cfg)
	}
	board, err := alert.NewBoard(alert.Config{Service: "vote"}, &journal{cluster: c})
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(cfg, c, board)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- board.Run(ctx) }()
	go func() { ended <- m.Run(ctx) }()
	return &process{Monitor: m, board: board, stop: func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error("run:", err)
			}
		}
	}}
}

// only answers the single partition that is shown.
func (p *process) only(t *testing.T) Partition {
	t.Helper()
	shown := p.Snapshot()
	if len(shown) != 1 {
		t.Fatalf("%d partitions are shown", len(shown))
	}
	return shown[0]
}

// expect compares what was told of an alert.
func expect(t *testing.T, when string, told []string, want ...string) {
	t.Helper()
	if fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("%s: told %v, want %v", when, told, want)
	}
}

// elapse moves a bubble's clock; every test that calls it runs in one.
func elapse(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // inside a synctest bubble
}
