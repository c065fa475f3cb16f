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
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
)

// script is a Worker that notes what it was asked.
type script struct {
	mu              sync.Mutex
	worked, expired int
	reply           proto.Message
	err             error
}

func (s *script) Work(context.Context, *record.Record) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worked++
	return s.reply, s.err
}

func (s *script) Expire(context.Context, *record.Record) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired++
	return s.reply, s.err
}

// request is the record of a request with these headers, in pairs.
func request(headers ...string) *record.Record {
	r := &record.Record{Topic: "d.request", Headers: []record.Header{{Key: record.HeaderEventID, Value: []byte(record.EventID("a").String())}}}
	for i := 0; i < len(headers); i += 2 {
		r.Headers = append(r.Headers, record.Header{Key: headers[i], Value: []byte(headers[i+1])})
	}
	return r
}

func responder(t *testing.T, w Worker, p publisher, cfg ResponderConfig) *Responder {
	t.Helper()
	cfg.Domain = "d"
	r, err := newResponder(cfg, w, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A request is begun before its deadline and never from then on; what was begun
// already is the worker's to resolve, and the answer goes out all the same.
func TestNothingIsBegunAfterTheDeadline(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		deadline        string
		worked, expired int
		class           failure.Class
	}{
		"before":     {time.Date(2000, 1, 1, 0, 0, 0, 1, time.UTC).Format(time.RFC3339Nano), 1, 0, failure.Retryable},
		"at it":      {time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339Nano), 0, 1, failure.Retryable},
		"after":      {"1999-12-31T23:59:59+00:00", 0, 1, failure.Retryable},
		"none":       {"", 1, 0, failure.Retryable},
		"unreadable": {"tomorrow", 0, 0, failure.Undecodable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // Begins at midnight UTC, 2000-01-01.
				f := newFakeLog()
				f.make("d.reply.a")
				w := &script{reply: wrapperspb.String("re")}
				r := responder(t, w, f, ResponderConfig{})
				rec := request(record.HeaderReplyTopic, "d.reply.a", record.HeaderCorrelationID, "id")
				if tc.deadline != "" {
					rec.Headers = record.Set(rec.Headers, record.HeaderDeadline, tc.deadline)
				}
				err := r.Handle(t.Context(), rec)
				if w.worked != tc.worked || w.expired != tc.expired || failure.ClassOf(err) != tc.class {
					t.Errorf("worked %d, expired %d: %v", w.worked, w.expired, err)
				}
				if err := r.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if replied := f.last("d.reply.a") != nil; replied != (tc.class != failure.Undecodable) {
					t.Errorf("replied: %v", replied)
				}
			})
		})
	}
}

// Headers from outside direct records into reply topics of the domain alone.
func TestRepliesGoToReplyTopicsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		registry := prometheus.NewRegistry()
		r := responder(t, &script{reply: wrapperspb.String("re")}, f, ResponderConfig{Metrics: registry})
		names := []string{"vote.cast", "dlq.failed", "d.request", "other.reply.a", "d.reply.a.b", "d.reply.", ""}
		for _, name := range names {
			f.make(name)
			if err := r.Handle(t.Context(), request(record.HeaderReplyTopic, name, record.HeaderCorrelationID, "id")); err != nil {
				t.Errorf("%q fails the request: %v", name, err)
			}
		}
		f.make("d.reply.a")
		for _, rec := range []*record.Record{request(), request(record.HeaderReplyTopic, "d.reply.a")} {
			if err := r.Handle(t.Context(), rec); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		for _, name := range append(names, "d.reply.a") {
			if f.last(name) != nil {
				t.Errorf("a reply in %q", name)
			}
		}
		if got := value(t, registry, "floodgate_reply_sent_total"); got != float64(len(names))+1 {
			t.Errorf("%v replies counted as refused, want one for each header there was", got)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A reply says what it answers, and is the same event if it is sent again.
func TestTheReplyNamesItsRequest(t *testing.T) {
	t.Parallel()
	rec := request(record.HeaderCorrelationID, "c", record.HeaderReplyTopic, "d.reply.a")
	e, again := reply(rec, "d.reply.a", "c", wrapperspb.String("x")), reply(rec, "d.reply.a", "c", wrapperspb.String("x"))
	cause, _ := record.Get(e.Headers, record.HeaderCausationID)
	correlation, _ := record.Get(e.Headers, record.HeaderCorrelationID)
	if cause != record.EventID("a").String() || correlation != "c" || string(e.Key) != "c" || e.ID != again.ID || e.ID.String() == cause {
		t.Errorf("%+v", e)
	}
}

// stuck takes replies and answers none before it is freed.
type stuck struct {
	free chan struct{}
	err  error
}

func (s *stuck) Publish(ctx context.Context, _ publish.Event) (publish.Ack, error) {
	select {
	case <-s.free:
		return publish.Ack{}, s.err
	case <-ctx.Done():
		return publish.Ack{}, context.Cause(ctx)
	}
}

// A reply neither holds up nor fails its request: not while the broker hangs,
// not when it refuses, not when too many are on their way.
func TestAReplyCostsItsRequestNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		p := &stuck{free: make(chan struct{}), err: publish.ErrUnavailable}
		r := responder(t, &script{reply: wrapperspb.String("re")}, p, ResponderConfig{MaxReplies: 150, ReplyTimeout: time.Minute, Metrics: registry})
		began := time.Now()
		for i := range 300 {
			rec := request(record.HeaderReplyTopic, "d.reply.a", record.HeaderCorrelationID, fmt.Sprint(i))
			if err := r.Handle(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if took := time.Since(began); took != 0 || len(r.outbound.slots) != 150 {
			t.Errorf("handled in %s, %d on their way", took, len(r.outbound.slots))
		}
		if at := r.outbound.lanes.of["d.reply.a"]; at == nil || len(at.slots) != perTopic {
			t.Errorf("on their way to one topic: %+v", at)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closed beside replies on their way: %v", err)
		}
		close(p.free)
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != time.Second || len(r.outbound.lanes.of) != 0 {
			t.Errorf("ended after %s, %d lanes left", took, len(r.outbound.lanes.of))
		}
	})
}

// What the work itself says is the record's fate, and nothing is replied then.
func TestAFailedWorkRepliesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		f.make("d.reply.a")
		fault := errors.New("provider is away")
		r := responder(t, &script{reply: wrapperspb.String("re"), err: fault}, f, ResponderConfig{})
		rec := request(record.HeaderReplyTopic, "d.reply.a", record.HeaderCorrelationID, "id")
		if err := r.Handle(t.Context(), rec); !errors.Is(err, fault) {
			t.Errorf("answered %v", err)
		}
		if err := r.Close(t.Context()); err != nil || f.last("d.reply.a") != nil {
			t.Errorf("replied %v, %v", f.last("d.reply.a"), err)
		}
	})
}
