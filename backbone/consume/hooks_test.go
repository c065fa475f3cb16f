package consume

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
)

// hooked notes the calls that a claim makes, in order.
type hooked struct {
	mu        sync.Mutex
	calls     []string
	startErrs int
	hold      bool
}

func (h *hooked) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, fmt.Sprintf(format, args...))
}

func (h *hooked) HandleBatch(_ context.Context, b *Batch) error {
	h.note("batch %d+%d", b.Records[0].Offset, len(b.Records))
	return nil
}

func (h *hooked) StartClaim(_ context.Context, c Claim) error {
	h.note("start %s/%d generation %d", c.Topic, c.Partition, c.Generation)
	if h.startErrs > 0 {
		h.startErrs--
		return errors.New("not yet")
	}
	return nil
}

func (h *hooked) EndClaim(Claim) { h.note("end") }

func (h *hooked) BeforeCommit(_ context.Context, _ Claim, next int64) error {
	h.note("before %d", next)
	if h.hold {
		return errors.New("floors are not durable")
	}
	return nil
}

func TestHooksAreCalledInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, h := newFakeSource(8), &hooked{startErrs: 1}
		src.onMark = func(next int64) { h.note("commit %d", next) }
		_, end := begin(t, Config{CommitEvery: time.Second}, src, h, &fakeLetters{})
		src.send(0, "a", "b", "c")
		elapse(1500 * time.Millisecond)
		src.send(3, "a")
		elapse(10 * time.Millisecond)
		synctest.Wait()
		end()
		want := []string{
			"start t/1 generation 7", "start t/1 generation 7", "batch 0+3", "before 3", "commit 3",
			"batch 3+1", "before 4", "commit 4", "end",
		}
		if !slices.Equal(h.calls, want) {
			t.Errorf("calls %q\nwant  %q", h.calls, want)
		}
	})
}

func TestTheHandlerHoldsACommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, h := newFakeSource(8), &hooked{hold: true}
		g, end := begin(t, Config{CommitEvery: time.Second}, src, h, &fakeLetters{})
		src.send(0, "a")
		elapse(5500 * time.Millisecond)
		if state := g.Claims()[0]; src.marked() != -1 || state.CommitErr == nil || state.Next != 1 {
			t.Errorf("marked %d, state %+v", src.marked(), state)
		}
		h.mu.Lock()
		h.hold = false
		h.mu.Unlock()
		elapse(time.Second)
		if state := g.Claims()[0]; src.marked() != 1 || state.CommitErr != nil {
			t.Errorf("marked %d, state %+v", src.marked(), state)
		}
		end()
	})
}

// Commits keep their pace whatever the rate of records: none is in a record's
// path (SEMANTICS 8).
func TestCommitsArePeriodic(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]any{
		"batch":  &hooked{},
		"record": handlerFunc(func(context.Context, *record.Record) error { return nil }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				src := newFakeSource(8)
				_, end := begin(t, Config{CommitEvery: time.Second}, src, handler, &fakeLetters{})
				for i := range int64(1000) {
					src.send(i, "a")
					elapse(10 * time.Millisecond)
				}
				elapse(100 * time.Millisecond)
				end()
				if n := len(src.marks); n < 10 || n > 11 || src.marked() != 1000 {
					t.Errorf("%d commits in 10.1 s, the last of %d", n, src.marked())
				}
			})
		})
	}
}

func TestNewGroupNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := NewGroup(Config{Retry: Retry{Initial: time.Minute, Max: time.Second}, DrainTimeout: time.Hour}, broker.Config{}, 7, nil, nil)
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{"Group", "Topics", "Retry.Initial", "DrainTimeout", "int", "DeadLetterer", "broker"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("faults do not name %s: %v", want, err)
		}
	}
}
