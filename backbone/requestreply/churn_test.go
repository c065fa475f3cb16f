package requestreply_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"floodgate.internal/backbone/requestreply"
)

// longVar asks for the sizes that take minutes: FLOODGATE_LONG=1.
const longVar = "FLOODGATE_LONG"

// Instances come and go under load on one broker, 10 of them at a time, or 50
// for longer where FLOODGATE_LONG is 1: every request is answered by its own
// reply, by its own instance's topic, and no topic is left at the end.
func TestInstancesComeAndGoUnderLoad(t *testing.T) {
	t.Parallel()
	instances, lives, requests := 10, 2, 25
	if os.Getenv(longVar) == "1" {
		instances, lives, requests = 50, 4, 100
	}
	f := newField(t)
	f.respond(t, &echo{})
	f.respond(t, &echo{})
	var wg sync.WaitGroup
	for i := range instances {
		wg.Go(func() {
			for life := range lives {
				f.live(t, fmt.Sprintf("i%d-%d", i, life), requests)
			}
		})
	}
	wg.Wait()
	await(t, "the removal of all topics", func() bool { return len(f.replyTopics(t)) == 0 })
}

// live is an instance's life: four callers beside each other, a graceful stop.
func (f *field) live(t *testing.T, name string, requests int) {
	client := f.dial(t)
	p, err := newPublisher(t, client)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = client.Close() }()
	defer func() { _ = p.Close() }()
	r, err := requestreply.Open(t.Context(), requestreply.Config{
		Domain: f.domain, Instance: name, Timeout: time.Minute, ReapEvery: 100 * time.Millisecond, Log: logger(t),
	}, f.kafka, p)
	if err != nil {
		t.Error(err)
		return
	}
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for n := range requests {
				asked := fmt.Sprintf("%s %d %d", name, caller, n)
				reply, err := r.Request(t.Context(), f.question(asked))
				if err != nil {
					t.Errorf("%s: %v", asked, err)
				} else if at := r.Status().Topic; text(reply) != "re: "+asked || reply.Record.Topic != at {
					t.Errorf("%s: got %q by %s, reads %s", asked, text(reply), reply.Record.Topic, at)
				}
			}
		})
	}
	callers.Wait()
	if s := r.Status(); s.Topics != 1 || s.Pending != 0 {
		t.Errorf("%s at its end: %+v", name, s)
	}
	if err := r.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}
