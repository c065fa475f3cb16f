package redrive_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

var (
	errAway = errors.New("the store is away")
	errBad  = errors.New("a letter is refused")
)

// fake is a store of ids that refuses one of them, may be away, and expires so
// many failures.
type fake struct {
	redrive.Failures

	mu      sync.Mutex
	kept    []string
	bad     string
	away    bool
	calls   int
	expired []int64
	trails  []int64
	noted   error
	entries []redrive.Entry
}

func (f *fake) Record(_ context.Context, letters []letter.Letter) error {
	f.calls++
	if f.away {
		return errAway
	}
	for i := range letters {
		if letters[i].ID == f.bad {
			return errBad
		}
	}
	for i := range letters {
		f.kept = append(f.kept, letters[i].ID)
	}
	return nil
}

func (f *fake) Expire(_ context.Context, _ int64, limit int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.away {
		return 0, errAway
	}
	if len(f.expired) == 0 {
		return 0, nil
	}
	n := min(f.expired[0], int64(limit))
	if f.expired[0] -= n; f.expired[0] == 0 {
		f.expired = f.expired[1:]
	}
	return n, nil
}

func (*fake) ExpireReplays(context.Context, int64, int) (int64, error) { return 0, errAway }

func (f *fake) ExpireTrail(_ context.Context, before int64, _ int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trails = append(f.trails, before)
	return 0, nil
}

func (f *fake) Note(_ context.Context, _ string, e redrive.Entry) error {
	if f.noted == nil {
		f.entries = append(f.entries, e)
	}
	return f.noted
}

func (*fake) Get(context.Context, string) (letter.Failure, error) {
	return letter.Failure{ID: "f"}, nil
}

func (*fake) Raw(context.Context, string) (letter.Record, error) {
	return letter.Record{Value: []byte("secret")}, nil
}

func (f *fake) History(context.Context, string, int) ([]redrive.Entry, error) {
	return f.entries, nil
}

func lettersOf(n int) []letter.Letter {
	letters := make([]letter.Letter, n)
	for i := range letters {
		letters[i].ID = fmt.Sprint(i)
	}
	return letters
}

func isAway(err error) bool { return errors.Is(err, errAway) }

// What the store refuses does not hold up the others, and is not given up.
func TestIntakeKeepsWhatItCan(t *testing.T) {
	t.Parallel()
	f := &fake{bad: "5"}
	err := redrive.NewIntake(f, isAway).Take(t.Context(), lettersOf(9))
	if !errors.Is(err, errBad) || len(f.kept) != 8 || slices.Contains(f.kept, "5") {
		t.Errorf("kept %v, %v", f.kept, err)
	}
	if err := redrive.NewIntake(&fake{bad: "x"}, isAway).Take(t.Context(), lettersOf(9)); err != nil {
		t.Error(err)
	}
}

// A store that is away is asked once, and not letter by letter.
func TestIntakeAsksAStoreThatIsAwayOnce(t *testing.T) {
	t.Parallel()
	f := &fake{}
	f.away = true
	if err := redrive.NewIntake(f, isAway).Take(t.Context(), lettersOf(9)); !errors.Is(err, errAway) || f.calls != 1 {
		t.Errorf("%d calls, %v", f.calls, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	f = &fake{bad: "5"}
	if err := redrive.NewIntake(f, isAway).Take(ended, lettersOf(9)); err == nil || f.calls != 1 {
		t.Errorf("after its end: %d calls, %v", f.calls, err)
	}
}

// Nobody sees a payload unnoticed: what cannot be written down is not shown.
func TestViewIsWrittenDownFirst(t *testing.T) {
	t.Parallel()
	f := &fake{noted: errAway}
	seen, err := redrive.NewDesk(f, nil, nil, nil).View(t.Context(), "f", "anna")
	if !errors.Is(err, errAway) || seen.Value != nil {
		t.Errorf("seen %q, %v", seen.Value, err)
	}
	f.noted = nil
	seen, err = redrive.NewDesk(f, nil, nil, nil).View(t.Context(), "f", "anna")
	if err != nil || len(seen.History) != 1 || seen.History[0].Actor != "anna" || seen.History[0].Action != redrive.ActionViewed {
		t.Errorf("seen %+v, %v", seen, err)
	}
}

// Everything that has expired goes at each interval, and a store that is away is
// asked again at the next.
func TestSweeper(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		f := &fake{expired: []int64{2500, 7}}
		f.away = true
		s := redrive.NewSweeper(f, redrive.Keeping{Closed: time.Hour, Trail: 5 * time.Hour}, time.Minute, slog.New(slog.NewTextHandler(&said, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Run(ctx)
		}()
		defer func() {
			cancel()
			<-ended
		}()
		synctest.Wait()
		f.mu.Lock()
		if f.calls != 1 || !strings.Contains(said.String(), "the store is away") {
			t.Errorf("%d calls, said %q", f.calls, said.String())
		}
		f.away = false
		f.mu.Unlock()
		time.Sleep(time.Minute) //nolint:forbidigo // inside a synctest bubble
		synctest.Wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.calls != 6 || len(f.expired) != 0 || !strings.Contains(said.String(), "what=failures removed=2507") {
			t.Errorf("%d calls, %v left, said %q", f.calls, f.expired, said.String())
		}
		// That replays cannot be removed keeps the trail from nothing.
		if want := time.Now().Add(-5 * time.Hour).UnixMicro(); len(f.trails) != 2 || f.trails[1] != want {
			t.Errorf("trails before %v, want %d", f.trails, want)
		}
	})
}
