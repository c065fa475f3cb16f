package requestreply

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/backbone/publish"
)

// down is a cluster that takes nothing.
func down(string, string) error { return publish.ErrUnavailable }

// A lease that cannot be renewed ends the topic: those who wait are told at that
// moment, nothing is sent by it any more, and the next one is another topic.
func TestALapsedLeaseFailsOverToAnotherTopic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		f.make("d.request")
		r, end := begin(t, f, Config{TTL: 9 * time.Second, Timeout: time.Hour})
		defer end()
		first := r.Status()
		waiting := ask(t.Context(), r, "a")
		synctest.Wait()
		again := make(chan struct{})
		f.denying(func(what, _ string) error {
			if what == "id" {
				<-again // A broker that hangs must not hold up the lease's end.
			}
			return publish.ErrUnavailable
		})
		began := time.Now()
		got := <-waiting
		// The last heartbeat was at the beginning.
		if took := time.Since(began); !errors.Is(got.err, ErrLapsed) || !errors.Is(got.err, ErrUnknown) || took != 9*time.Second {
			t.Errorf("after %s: %v", took, got.err)
		}
		if _, err := r.Request(t.Context(), question("b")); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknown) {
			t.Errorf("without a topic: %v", err)
		}
		if r.Ready(t.Context()) == nil {
			t.Error("ready without a topic")
		}
		f.denying(nil)
		close(again)
		elapse(10 * time.Second)
		second := r.Status()
		if second.Topic == first.Topic || second.Topic == "" || second.Topics != 2 {
			t.Errorf("status %+v", second)
		}
		waiting = ask(t.Context(), r, "c")
		synctest.Wait()
		f.answer(t, "re")
		if got := <-waiting; got.err != nil || got.reply.Record.Topic != second.Topic {
			t.Errorf("by the new topic: %+v", got)
		}
		if left := f.names(); len(left) != 1 || left[0] != second.Topic {
			t.Errorf("topics %v", left)
		}
	})
}

// An instance that stood still for longer than its lease sends nothing by its
// old topic, also where it gets to a request before its timers do.
func TestAStoppedInstanceDoesNotTrustItsTopic(t *testing.T) {
	t.Parallel()
	began := time.Now()
	l := lease{ttl: time.Second, renewed: began}
	if !l.renew(began.Add(900*time.Millisecond), began.Add(910*time.Millisecond), began.Add(920*time.Millisecond)) {
		t.Error("a heartbeat in time does not renew")
	}
	if left := l.remaining(began.Add(1000 * time.Millisecond)); left != 900*time.Millisecond {
		t.Errorf("%s left: a lease counts from before the sending", left)
	}
	if l.renew(began.Add(1800*time.Millisecond), began.Add(1850*time.Millisecond), began.Add(1900*time.Millisecond)) {
		t.Error("a heartbeat acknowledged after the lease's end renews it")
	}
	// A machine that slept: its steady clock stood still.
	if left := l.remaining(began.Add(900 * time.Millisecond).Round(0).Add(2 * time.Second)); left > 0 {
		t.Errorf("%s left after a sleep", left)
	}
	r := &Requester{cfg: Config{}.withDefaults(), publisher: unasked{t}}
	past := time.Now().Add(-time.Minute)
	r.current.Store(&tenure{lease: lease{ttl: 45 * time.Second, renewed: past}, pending: newPending(1)})
	if _, err := r.Request(t.Context(), question("a")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("by a lapsed topic: %v", err)
	}
}

// unasked fails the test where it is asked to publish.
type unasked struct{ t *testing.T }

func (u unasked) Publish(_ context.Context, e publish.Event) (publish.Ack, error) {
	u.t.Errorf("a request is published: %s", e.Topic)
	return publish.Ack{}, publish.ErrUnavailable
}

// Somebody removed the topic, or made it anew: it is noticed within two
// heartbeats, long before the lease's end.
func TestATopicThatIsNoLongerOursIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(f *fakeLog, topic string){
		"removed":   func(f *fakeLog, topic string) { _ = f.remove(context.Background(), topic) },
		"made anew": func(f *fakeLog, topic string) { f.make(topic) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeLog()
				f.make("d.request")
				r, end := begin(t, f, Config{TTL: time.Minute, Heartbeat: time.Second, Timeout: time.Hour})
				defer end()
				first := r.Status().Topic
				waiting := ask(t.Context(), r, "a")
				synctest.Wait()
				spoil(f, first)
				began := time.Now()
				if got := <-waiting; !errors.Is(got.err, ErrLapsed) || time.Since(began) > 2*time.Second {
					t.Errorf("after %s: %v", time.Since(began), got.err)
				}
				synctest.Wait()
				if s := r.Status(); s.Topic == first || s.Topic == "" {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

// A cluster that cannot make the topic is tried again, and Open waits for it.
func TestOpenWaitsForItsTopic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		f.denying(down)
		time.AfterFunc(20*time.Second, func() { f.denying(nil) })
		r, end := begin(t, f, Config{})
		if s := r.Status(); s.Topic == "" || s.Topics != 1 || time.Since(s.Since) > 0 {
			t.Errorf("status %+v", s)
		}
		end()
		if left := f.names(); len(left) != 0 {
			t.Errorf("topics %v", left)
		}
		f.denying(down)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cfg := Config{Domain: "d"}.withDefaults()
		if _, err := open(ctx, cfg, f, f); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a cluster that is away: %v", err)
		}
	})
}

// Hours of quiet keep the lease, with one topic.
func TestHeartbeatsKeepTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		r, end := begin(t, f, Config{})
		defer end()
		for range 200 {
			elapse(37 * time.Second)
			if s := r.Status(); s.Topics != 1 || s.LeaseAge > 6*time.Second || r.Ready(t.Context()) != nil {
				t.Fatalf("status %+v", s)
			}
		}
	})
}
