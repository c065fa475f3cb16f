package requestreply

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
)

// The caller's deadline ends the wait, or Timeout where there is none; what came
// of it nobody can tell.
func TestTheDeadlineEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		f.make("d.request")
		r, end := begin(t, f, Config{Timeout: 7 * time.Second})
		defer end()
		began := time.Now()
		if _, err := r.Request(t.Context(), question("a")); !errors.Is(err, ErrDeadline) || !errors.Is(err, ErrUnknown) || time.Since(began) != 7*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		if text, _ := f.last("d.request").Get(record.HeaderDeadline); text != began.Add(7*time.Second).UTC().Format(time.RFC3339Nano) {
			t.Errorf("deadline %s in the request", text)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began = time.Now()
		if _, err := r.Request(ctx, question("b")); !errors.Is(err, ErrDeadline) || time.Since(began) != 2*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		if text, _ := f.last("d.request").Get(record.HeaderDeadline); text != began.Add(2*time.Second).UTC().Format(time.RFC3339Nano) {
			t.Errorf("deadline %s in the request", text)
		}
	})
}

// An ack that is lost says nothing: the reply may come all the same.
func TestAnIndefiniteSendWaitsForItsReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		f.make("d.request")
		r, end := begin(t, f, Config{})
		defer end()
		lost := lostAck{f}
		r.publisher = lost
		waiting := ask(t.Context(), r, "a")
		elapse(time.Second)
		f.answer(t, "re")
		if got := <-waiting; got.err != nil {
			t.Error(got.err)
		}
		if got := <-ask(t.Context(), r, "b"); !errors.Is(got.err, ErrDeadline) {
			t.Errorf("without a reply: %v", got.err)
		}
	})
}

// lostAck takes the record and says that it does not know.
type lostAck struct{ *fakeLog }

func (l lostAck) Publish(ctx context.Context, e publish.Event) (publish.Ack, error) {
	ack, err := l.fakeLog.Publish(ctx, e)
	if err == nil && e.Topic == "d.request" {
		err = publish.ErrIndefinite
	}
	return ack, err
}

// A bounded number waits; the one beyond is refused at once and sends nothing.
func TestPendingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		f.make("d.request")
		r, end := begin(t, f, Config{MaxPending: 2})
		defer end()
		first := ask(t.Context(), r, "a")
		synctest.Wait()
		second := ask(t.Context(), r, "b")
		synctest.Wait()
		if _, err := r.Request(t.Context(), question("c")); !errors.Is(err, ErrOverloaded) || !errors.Is(err, ErrUnavailable) {
			t.Errorf("beyond the bound: %v", err)
		}
		f.answer(t, "re") // To b, the last request there is: c was not sent.
		if got := <-second; got.err != nil {
			t.Error(got.err)
		}
		<-first
	})
}

// A reply that comes twice, or after its deadline, goes to the hook; where there
// is none, or it is too slow, that is counted.
func TestNoLateReplyIsDroppedSilently(t *testing.T) {
	t.Parallel()
	for _, hooked := range []bool{true, false} {
		t.Run(fmt.Sprint("hook ", hooked), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeLog()
				f.make("d.request")
				cfg := Config{MaxLate: 3}
				var mu sync.Mutex
				var got []Reply
				block := make(chan struct{})
				if hooked {
					cfg.OnLate = func(_ context.Context, r Reply) {
						<-block
						mu.Lock()
						defer mu.Unlock()
						got = append(got, r)
					}
				}
				r, end := begin(t, f, cfg)
				defer end()
				waiting := ask(t.Context(), r, "a")
				synctest.Wait()
				for range 6 { // One is waited for; one is in the hook, three wait for it.
					f.answer(t, "re")
					synctest.Wait()
				}
				if got := <-waiting; got.err != nil {
					t.Error(got.err)
				}
				close(block)
				synctest.Wait()
				want := Status{Late: 5, LateDropped: 5}
				if hooked {
					want.LateDropped = 1
				}
				if s := r.Status(); s.Late != want.Late || s.LateDropped != want.LateDropped || len(got) != int(want.Late-want.LateDropped) {
					t.Errorf("%d handed over, status %+v", len(got), s)
				}
				for _, reply := range got {
					if reply.CausationID != question("a").ID.String() {
						t.Errorf("late reply to %s", reply.CausationID)
					}
				}
			})
		})
	}
}

// A reply of an unknown type is answered as it is, and is no success.
func TestAnUnreadableReplyIsUnknown(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(r *record.Record){
		"type":  func(r *record.Record) { r.Headers = record.Set(r.Headers, record.HeaderEventType, "no.such.Type") },
		"bytes": func(r *record.Record) { r.Value = []byte{0xff} },
	} {
		rec := &record.Record{Headers: []record.Header{{Key: record.HeaderEventType, Value: []byte("google.protobuf.StringValue")}}}
		if reply, err := decode(rec); err != nil || reply.Message == nil {
			t.Errorf("a good one: %v", err)
		}
		spoil(rec)
		if reply, err := decode(rec); !errors.Is(err, ErrUndecodable) || !errors.Is(err, ErrUnknown) || reply.Record != rec {
			t.Errorf("%s: %+v %v", name, reply, err)
		}
	}
}

// Close waits for those who wait, as long as it may, and then tells them.
func TestCloseWaitsForReplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		f.make("d.request")
		r, _ := begin(t, f, Config{})
		answered := ask(t.Context(), r, "a")
		synctest.Wait()
		time.AfterFunc(2*time.Second, func() { f.answer(t, "re") })
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
		if got := <-answered; got.err != nil {
			t.Errorf("in time: %v", got.err)
		}
		r, _ = begin(t, f, Config{})
		left := ask(t.Context(), r, "b")
		synctest.Wait()
		ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := r.Close(ctx); err == nil {
			t.Error("closed beside a request that waits, without a word")
		}
		if got := <-left; !errors.Is(got.err, ErrUnknown) || errors.Is(got.err, ErrDeadline) {
			t.Errorf("at the end: %v", got.err)
		}
		if left := f.names(); len(left) != 0 {
			t.Errorf("topics %v", left)
		}
	})
}

// The metrics say what became of requests, and leave with the Requester.
func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		f.make("d.request")
		registry := prometheus.NewRegistry()
		for range 2 {
			r, end := begin(t, f, Config{Metrics: registry, Timeout: time.Second})
			waiting := ask(t.Context(), r, "a")
			synctest.Wait()
			if got := value(t, registry, "floodgate_reply_pending"); got != 1 {
				t.Errorf("%v pending", got)
			}
			f.answer(t, "re")
			<-waiting
			<-ask(t.Context(), r, "b")
			if got := value(t, registry, "floodgate_reply_request_duration_seconds"); got != 2 {
				t.Errorf("%v requests", got)
			}
			end()
		}
		if families, err := registry.Gather(); err != nil || len(families) != 0 {
			t.Errorf("left behind: %v %v", families, err)
		}
	})
}

// value sums a metric over its labels: a gauge's, or how often a histogram saw one.
func value(t *testing.T, r prometheus.Gatherer, name string) (sum float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}
