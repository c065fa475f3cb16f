package requestreply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/requestreply"
	"floodgate.internal/proto/topics"
)

func TestARequestGetsItsReply(t *testing.T) {
	t.Parallel()
	f := newField(t)
	f.respond(t, &echo{})
	r := f.requester(t, requestreply.Config{Instance: "web-1"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e := f.question("order 7")
	reply, err := r.Request(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(reply); got != "re: order 7" || reply.CausationID != e.ID.String() {
		t.Errorf("reply %q to %s, want it to %s", got, reply.CausationID, e.ID)
	}
	s := r.Status()
	if reply.Record.Topic != s.Topic || !strings.HasPrefix(s.Topic, topics.ReplyPrefix(f.domain)+"web-1-") {
		t.Errorf("the reply came by %s, status %+v", reply.Record.Topic, s)
	}
	if s.Pending != 0 || s.Late != 0 || s.Topics != 1 || s.TopicID == "" || s.LeaseAge > s.LeaseTTL {
		t.Errorf("status %+v", s)
	}
	if err := r.Ready(ctx); err != nil {
		t.Error(err)
	}
	if err := r.Close(ctx); err != nil {
		t.Error(err)
	}
	await(t, "the removal of its topic", func() bool { return len(f.replyTopics(t)) == 0 })
	if _, err := r.Request(ctx, e); !errors.Is(err, requestreply.ErrClosed) || !errors.Is(err, requestreply.ErrUnavailable) {
		t.Errorf("after the stop: %v", err)
	}
}

// The request in the log says by when to begin and where to answer.
func TestTheRequestCarriesItsDeadline(t *testing.T) {
	t.Parallel()
	f := newField(t)
	r := f.requester(t, requestreply.Config{Timeout: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	before := time.Now()
	wg.Go(func() {
		if _, err := r.Request(ctx, f.question("q")); !errors.Is(err, requestreply.ErrDeadline) || !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that left: %v", err)
		}
	})
	var request *record.Record
	await(t, "the request", func() bool {
		for p := range int32(3) {
			err := broker.ReadRange(t.Context(), f.client, f.requests, p, 0, 10, func(r *record.Record) error { request = r; return nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		return request != nil
	})
	header := func(name string) string { v, _ := request.Get(name); return v }
	deadline, err := time.Parse(time.RFC3339, header(record.HeaderDeadline))
	if err != nil || deadline.Before(before.Add(time.Hour)) || deadline.After(time.Now().Add(time.Hour)) {
		t.Errorf("deadline %s: %v", header(record.HeaderDeadline), err)
	}
	if s := r.Status(); header(record.HeaderReplyTopic) != s.Topic || header(record.HeaderCorrelationID) == "" || s.Pending != 1 || s.OldestPending <= 0 {
		t.Errorf("headers %v, status %+v", request.Headers, s)
	}
	cancel()
	wg.Wait()
	if s := r.Status(); s.Pending != 0 || s.OldestPending != 0 {
		t.Errorf("status %+v", s)
	}
}

// A reply behind the deadline is not lost: the hook has it.
func TestALateReplyGoesToTheHook(t *testing.T) {
	t.Parallel()
	f := newField(t)
	hold := make(chan struct{})
	f.respond(t, &echo{hold: hold})
	got := make(chan requestreply.Reply, 1)
	r := f.requester(t, requestreply.Config{OnLate: func(_ context.Context, reply requestreply.Reply) { got <- reply }})
	ctx, leave := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	e := f.question("slow")
	go func() {
		_, err := r.Request(ctx, e)
		asked <- err
	}()
	await(t, "the request", func() bool { return r.Status().Pending == 1 })
	client := f.dial(t)
	await(t, "its ack", func() bool {
		held, err := broker.Offsets(t.Context(), client, f.requests)
		if err != nil {
			t.Fatal(err)
		}
		return held[0].Next+held[1].Next+held[2].Next == 1
	})
	leave()
	if err := <-asked; !errors.Is(err, requestreply.ErrUnknown) {
		t.Errorf("without a reply: %v", err)
	}
	close(hold)
	if reply := <-got; text(reply) != "re: slow" || reply.CausationID != e.ID.String() {
		t.Errorf("late reply %q to %s", text(reply), reply.CausationID)
	}
	if s := r.Status(); s.Late != 1 || s.LateDropped != 0 {
		t.Errorf("status %+v", s)
	}
}

// Two instances ask at the same time, and each gets what it asked for by a topic
// that carries nothing of the other's (P1).
func TestEachInstanceGetsItsOwnReplies(t *testing.T) {
	t.Parallel()
	f := newField(t)
	f.respond(t, &echo{})
	both := []*requestreply.Requester{f.requester(t, requestreply.Config{}), f.requester(t, requestreply.Config{})}
	var wg sync.WaitGroup
	for instance, r := range both {
		for caller := range 20 {
			wg.Go(func() {
				for n := range 10 {
					asked := fmt.Sprintf("%d %d %d", instance, caller, n)
					reply, err := r.Request(t.Context(), f.question(asked))
					if err != nil {
						t.Errorf("%s: %v", asked, err)
					} else if text(reply) != "re: "+asked || reply.Record.Topic != r.Status().Topic {
						t.Errorf("%s: %q by %s", asked, text(reply), reply.Record.Topic)
					}
				}
			})
		}
	}
	wg.Wait()
	if a, b := both[0].Status(), both[1].Status(); a.Topic == b.Topic || a.Late+b.Late != 0 {
		t.Errorf("status %+v and %+v", a, b)
	}
}

func TestWhatCannotBeSentSaysSo(t *testing.T) {
	t.Parallel()
	f := newField(t)
	r := f.requester(t, requestreply.Config{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	e := f.question("q")
	if _, err := r.Request(ended, e); !errors.Is(err, requestreply.ErrUnavailable) || errors.Is(err, requestreply.ErrUnknown) {
		t.Errorf("after the deadline: %v", err)
	}
	e.Topic = "no.such.topic"
	if _, err := r.Request(t.Context(), e); !errors.Is(err, requestreply.ErrUnavailable) || errors.Is(err, requestreply.ErrUnknown) {
		t.Errorf("unknown topic: %v", err)
	}
	e = f.question(strings.Repeat("x", 1<<20+1))
	if _, err := r.Request(t.Context(), e); !errors.Is(err, publish.ErrTooLarge) || errors.Is(err, requestreply.ErrUnavailable) {
		t.Errorf("too large: %v", err)
	}
	e.Message = wrapperspb.String("\xff")
	if _, err := r.Request(t.Context(), e); err == nil || errors.Is(err, requestreply.ErrUnavailable) {
		t.Errorf("not UTF-8: %v", err)
	}
}

func TestOpenNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := requestreply.Open(t.Context(), requestreply.Config{
		Domain: "a.b", Instance: "x y", Timeout: -1, MaxPending: -1, TTL: time.Hour, Heartbeat: -1, ReapEvery: -1,
	}, broker.Config{}, nil)
	for _, want := range []string{`"a.b"`, `"x y"`, "Timeout", "MaxPending", "TTL", "Heartbeat", "ReapEvery"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("faults %v do not name %s", err, want)
		}
	}
	_, err = requestreply.NewResponder(requestreply.ResponderConfig{Domain: "", MaxReplies: -1, ReplyTimeout: -1}, nil, nil)
	for _, want := range []string{"domain", "max replies", "reply timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("faults %v do not name %s", err, want)
		}
	}
}
