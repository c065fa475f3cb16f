package alert

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

func TestMain(m *testing.M) {
	// sarama's meters tick in one goroutine for the life of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

var errAway = errors.New("the broker is away")

// topic is a log in memory that several boards share. Safe for concurrent use.
type topic struct {
	mu      sync.Mutex
	entries []Entry
	away    bool
	// swallow has the next writes land and answer an error all the same.
	swallow int
	// tries counts the writes, refused ones too.
	tries int
}

// reader is one board's view of a topic.
type reader struct {
	*topic
	next int
	read bool
}

func (r *reader) Read(context.Context) (News, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return News{}, errAway
	}
	news := News{Entries: slices.Clone(r.entries[r.next:]), Anew: !r.read}
	r.next, r.read = len(r.entries), true
	return news, nil
}

func (t *topic) Append(_ context.Context, a *opsv1.Alert) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tries++
	if t.away {
		return errAway
	}
	t.entries = append(t.entries, Entry{Offset: int64(len(t.entries)), Alert: proto.CloneOf(a)})
	if t.swallow > 0 {
		t.swallow--
		return errAway
	}
	return nil
}

func (t *topic) set(away bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away = away
}

// told is what a reader learns that takes each event id once, in order: the
// states of one alert.
func (t *topic) told(name string) []opsv1.Alert_State {
	t.mu.Lock()
	defer t.mu.Unlock()
	var states []opsv1.Alert_State
	taken := make(map[uuid.UUID]bool)
	for _, e := range t.entries {
		if id := eventID("topic", e.Alert); e.Alert.GetName() == name && !taken[id] {
			taken[id] = true
			states = append(states, e.Alert.GetState())
		}
	}
	return states
}

func (t *topic) written() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.entries)
}

// newBoard answers a board of its own over a shared topic.
func newBoard(t testing.TB, on *topic) *Board {
	t.Helper()
	b, err := NewBoard(Config{Service: "vote"}, &reader{topic: on})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run runs a board until stop.
func run(t testing.TB, b *Board) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("run:", err)
		}
	}
}

const raised, cleared = opsv1.Alert_RAISED, opsv1.Alert_CLEARED

func change(name string, to opsv1.Alert_State) *opsv1.Alert {
	return &opsv1.Alert{Name: name, State: to, Service: "vote", Kind: opsv1.Alert_LAG}
}

// elapse moves a bubble's clock; every test that calls it runs in one.
func elapse(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // inside a synctest bubble
}
