package roundtrip

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/publish"
	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/requestreply"
	"floodgate.internal/tests/bench/internal/usage"
)

// RequesterName is the name of the child that asks.
const RequesterName = "roundtrip-requester"

type requesterSettings struct {
	Brokers []string
	// Requests is how many are counted.
	Requests int
}

// Result is what the requester says at its end.
type Result struct {
	// Replies and Lost are how many of the requests got one, and did not.
	Replies, Lost int
	// Fault is why the last of those did not.
	Fault string
	// Rate is replies per second.
	Rate float64
	// P50 to Max are latencies from the scheduled send.
	P50, P99, P999, Max time.Duration
	// CPUSeconds is what the process used meanwhile.
	CPUSeconds float64
}

// Requester is a child that asks at the rate and ends.
func Requester(ctx context.Context, raw json.RawMessage, ready func(any)) error {
	var s requesterSettings
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	kafka := broker.Config{Brokers: s.Brokers, Scale: broker.ScaleDev}
	p, stop, err := publisher(ctx, kafka, "bench")
	if err != nil {
		return err
	}
	defer stop()
	r, err := requestreply.Open(ctx, requestreply.Config{Domain: domain, Log: quiet()}, kafka, p)
	if err != nil {
		return err
	}
	l := &loop{requester: r}
	l.ask(ctx, min(s.Requests, int(warm.Seconds()*rate)))
	before := usage.Self()
	result := l.ask(ctx, s.Requests)
	result.CPUSeconds = (usage.Self().CPU - before.CPU).Seconds()
	err = r.Close(ctx)
	ready(result)
	<-ctx.Done()
	return err
}

// loop asks in an open loop.
type loop struct {
	requester *requestreply.Requester
	asked     int

	mu   sync.Mutex
	took []time.Duration
	err  error
	lost int
}

// ask sends so many requests, each when it is due, whatever became of the ones
// before it, and sums up.
func (l *loop) ask(ctx context.Context, n int) Result {
	l.took, l.lost, l.err = make([]time.Duration, 0, n), 0, nil
	var waiting sync.WaitGroup
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / rate)
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			<-timer.C
		}
		l.asked++
		text := strconv.Itoa(l.asked)
		waiting.Go(func() { l.one(ctx, text, due) })
	}
	waiting.Wait()
	took := time.Since(began)
	slices.Sort(l.took)
	r := Result{Replies: len(l.took), Lost: l.lost, Rate: float64(len(l.took)) / took.Seconds()}
	if l.err != nil {
		r.Fault = l.err.Error()
	}
	if r.Replies > 0 {
		r.P50, r.P99, r.P999, r.Max = l.quantile(0.5), l.quantile(0.99), l.quantile(0.999), l.took[r.Replies-1]
	}
	return r
}

// one asks and notes how long after its due time the answer was there.
func (l *loop) one(ctx context.Context, text string, due time.Time) {
	reply, err := l.requester.Request(ctx, publish.Event{
		Topic: requests, Key: []byte(text), ID: record.EventID("bench", text), Message: wrapperspb.String(text),
	})
	took := time.Since(due)
	l.mu.Lock()
	defer l.mu.Unlock()
	if got, _ := reply.Message.(*wrapperspb.StringValue); err == nil && got.GetValue() != text {
		err = fmt.Errorf("asked %s, was answered %s", text, got.GetValue())
	}
	if err != nil {
		l.err, l.lost = err, l.lost+1
		return
	}
	l.took = append(l.took, took)
}

// quantile reads the sorted latencies; the nearest rank.
func (l *loop) quantile(q float64) time.Duration {
	return l.took[min(len(l.took)-1, int(q*float64(len(l.took))))]
}
