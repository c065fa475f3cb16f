package faults_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/consume"
	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/tests/faults/reconcile"
)

// workerOrder is what a process that is to be killed does: it publishes as one
// instance and, where Handler names one, consumes what it published.
type workerOrder struct {
	Brokers      []string
	Topic, Group string
	URL, Schema  string
	Instance     string
	Handler      string // "record", "slice" or none
	Spool        bool   // whether a spool stands in front, on the same database
	Keys, PerKey int
	DieAt        string // the step at which it kills itself
	DieAtCount   int64  // on which passing
	// Told says that passings count once a line on the input says so, and not
	// those that a slow broker causes before the fault.
	Told  bool
	told  atomic.Bool
	steps atomic.Int64
}

// at dies where the order says so.
func (o *workerOrder) at(step string) {
	if step == o.DieAt && (!o.Told || o.told.Load()) && o.steps.Add(1) == o.DieAtCount {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// runWorker never returns without an error: it is killed, or ends with the
// process that started it. It says on its output what it sent, and what was
// acknowledged or refused.
func runWorker(order string) error {
	var o workerOrder
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		o.listen(os.Stdin)
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cfg, log := broker.Config{Brokers: o.Brokers}, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	client, err := broker.Open(ctx, cfg, log)
	if err != nil {
		return err
	}
	p, err := publish.New(client, publish.Config{Source: o.Instance, Log: log})
	if err != nil {
		return err
	}
	if o.Handler != "" {
		if err := o.consume(ctx, cfg, log); err != nil {
			return err
		}
	}
	var way publisher = p
	if o.Spool {
		if way, err = o.front(ctx, cfg, log); err != nil {
			return err
		}
	}
	s := sender{
		publisher: dyingPublisher{way, o.at}, topic: o.Topic, instance: o.Instance,
		sending: say("sent"), acknowledged: say("acknowledged"), refused: say("refused"),
	}
	if err := s.lanes(ctx, o.Keys, o.PerKey); err != nil {
		return err
	}
	<-gone
	return errors.New("the worker outlived its order")
}

// listen waits to be told, and for the end of the process that started this one.
func (o *workerOrder) listen(in io.Reader) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		o.told.Store(true)
	}
}

func (o *workerOrder) consume(ctx context.Context, cfg broker.Config, log *slog.Logger) error {
	db, err := sqldb.Open(ctx, o.URL, sqldb.Options{Schema: o.Schema, MaxConns: 2, Log: log})
	if err != nil {
		return err
	}
	e, err := openEffects(ctx, db, o.Topic, o.Group, o.at)
	if err != nil {
		return err
	}
	var handler any = oneByOne{e}
	if o.Handler == "slice" {
		handler = inSlices{e}
	}
	_, err = startConsumer(ctx, cfg, o.Topic, o.Group, handler, 20, log, func(d consume.DeadLetterer) consume.DeadLetterer {
		return dyingLetters{d, o.at}
	})
	return err
}

func (o *workerOrder) front(ctx context.Context, cfg broker.Config, log *slog.Logger) (publisher, error) {
	db, err := sqldb.Open(ctx, o.URL, sqldb.Options{Schema: o.Schema, MaxConns: 3, Log: log})
	if err != nil {
		return nil, err
	}
	return openFront(ctx, cfg, o.Topic, o.Instance, db, log, o.at)
}

// say reports an event in a line.
func say(what string) func(reconcile.Event) {
	return func(e reconcile.Event) { fmt.Printf("%s %s %d\n", what, e.Key, e.Sequence) }
}

type dyingPublisher struct {
	publisher
	at func(string)
}

// Publish passes its steps around the one of the publisher.
func (p dyingPublisher) Publish(ctx context.Context, e publish.Event) (publish.Ack, error) {
	p.at("publish before")
	ack, err := p.publisher.Publish(ctx, e)
	if err == nil {
		p.at("publish after")
	}
	if ack.Spooled {
		p.at("spooled")
	}
	return ack, err
}

type dyingLetters struct {
	consume.DeadLetterer
	at func(string)
}

// Write leaves whoever would commit too early the time to do it, before the
// letter and after it.
func (d dyingLetters) Write(ctx context.Context, l deadletter.Letter) error {
	<-time.After(5 * commitEvery)
	d.at("letter before")
	err := d.DeadLetterer.Write(ctx, l)
	if err == nil {
		d.at("letter after")
	}
	return err
}
