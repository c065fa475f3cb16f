package consuming

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"floodgate.internal/tests/bench/internal/collector"
	"floodgate.internal/tests/bench/internal/rounds"
)

// What issue and notes measure with: a wait stands for a call to a dependency.
const (
	wait       = time.Millisecond
	shortWait  = 100 * time.Microsecond
	window     = 1024
	uniform    = 10_000 // keys, each as likely
	zipfKeys   = 1_000
	zipfSlope  = 1.1 // the exponent: the hottest key has a sixth of the records
	seed       = 4
	aloneShare = 100 // records one at a time are so many fewer: a rate needs no more
)

// Ordered compares concurrency that keeps each key's order, on one partition,
// with taking one record at a time.
func Ordered() rounds.Contest { return rounds.Contest{Name: "ordered", Open: openOrdered} }

// stand is a tank and what reads it.
type stand struct {
	env       rounds.Env
	tank      *tank
	collector *collector.Collector
}

func newStand(ctx context.Context, env rounds.Env) (*stand, error) {
	t, err := open(ctx, env)
	if err != nil {
		return nil, err
	}
	c, err := collector.Start(ctx)
	if err != nil {
		return nil, err
	}
	return &stand{env: env, tank: t, collector: c}, nil
}

func (s *stand) close() error {
	s.collector.Stop()
	return s.tank.close()
}

// side reads as r says, each time with a group of its own.
func (s *stand) side(name string, r reading) rounds.Side {
	return rounds.Side{Name: name, Run: func(ctx context.Context) (rounds.Sample, error) {
		r.Brokers, r.Group, r.Collector = s.tank.kafka.Brokers, s.tank.group(), s.collector.URL()
		var took result
		err := s.env.Children.Run(ctx, ReaderName, r, &took)
		return took.sample(), err
	}}
}

func openOrdered(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	s, err := newStand(ctx, env)
	if err != nil {
		return nil, err
	}
	n, few := env.Size(400_000, 400), env.Size(40_000, 200)
	even, skewed := uniformKeys(n), zipf(few)
	evenTopic, err := s.tank.fill(ctx, 1, even)
	if err != nil {
		return nil, err
	}
	skewedTopic, err := s.tank.fill(ctx, 1, skewed)
	if err != nil {
		return nil, err
	}
	all, alone := int64(n), int64(max(10, n/aloneShare))
	return &rounds.Match{
		Sides: []rounds.Side{
			s.side("by key, 1 ms", reading{Topic: evenTopic, Way: records, Records: all, Wait: wait, Window: window}),
			s.side("one at a time, 1 ms", reading{Topic: evenTopic, Way: raw, Records: alone, Wait: wait}),
			s.side("Watermill, 1 ms", reading{Topic: evenTopic, Way: watermill, Records: alone, Wait: wait}),
			s.side("by key, Zipf", reading{Topic: skewedTopic, Way: records, Records: int64(few), Wait: wait, Window: window}),
			s.bound(skewed, alone),
			exactBound(skewed),
			s.side("by key, 100 µs", reading{Topic: evenTopic, Way: records, Records: all, Wait: shortWait, Window: window}),
			s.side("one at a time, 100 µs", reading{Topic: evenTopic, Way: raw, Records: alone, Wait: shortWait}),
		},
		Lines: orderedLines(),
		Close: s.close,
	}, nil
}

func orderedLines() []rounds.Line {
	const same = "one partition, 10,000 keys, window 1,024; deadline, tracing and commits on"
	return []rounds.Line{
		{
			Name: "order by key, 1 ms, against one at a time", Unit: "/s", Ours: "by key, 1 ms", Reference: "one at a time, 1 ms",
			Target: rounds.Target{AtLeast: 200}, Note: same + "; raw sarama",
		},
		{
			Name: "order by key, 1 ms, against Watermill", Unit: "/s", Ours: "by key, 1 ms", Reference: "Watermill, 1 ms",
			Target: rounds.Target{AtLeast: 200}, Note: same,
		},
		{
			Name: "order by key, 1 ms, 1,000 Zipf keys", Unit: "/s", Ours: "by key, Zipf", Reference: boundName,
			Target: rounds.Target{AtLeast: 0.9}, Note: "the bound: the hottest key alone, its records one after the other by the same timer",
		},
		{
			Name: "bound of the hottest key, by exact 1 ms", Unit: "/s", Ours: exactBoundName,
			Note: "orientation: what no timer here reaches",
		},
		{
			Name: "order by key, 100 µs, against one at a time", Unit: "/s", Ours: "by key, 100 µs", Reference: "one at a time, 100 µs",
			Note: same,
		},
	}
}

const (
	boundName      = "bound of the hottest key"
	exactBoundName = "exact bound of the hottest key"
)

// bound is what the hottest key alone can reach, divided by its share: nobody who
// keeps the order is faster. It is measured, as a timer of 1 ms takes longer than
// that: with the very wait of the handler, and nothing of Kafka or a framework
// around it.
func (s *stand) bound(keys []string, n int64) rounds.Side {
	share := hottest(keys)
	return rounds.Side{Name: boundName, Run: func(ctx context.Context) (rounds.Sample, error) {
		var took result
		err := s.env.Children.Run(ctx, ReaderName, reading{Way: waiting, Records: n, Wait: wait}, &took)
		alone := took.sample().Value
		return rounds.Sample{Value: alone / share, Detail: fmt.Sprintf("%.0f/s, share %.3f", alone, share)}, err
	}}
}

// exactBound is no measurement: the same if a record took 1 ms and no more.
func exactBound(keys []string) rounds.Side {
	share := hottest(keys)
	return rounds.Side{Name: exactBoundName, Run: func(context.Context) (rounds.Sample, error) {
		return rounds.Sample{Value: 1 / (share * wait.Seconds()), Detail: fmt.Sprintf("share %.3f", share)}, nil
	}}
}

// hottest answers the share of the key that has most records.
func hottest(keys []string) float64 {
	count, most := map[string]int{}, 0
	for _, key := range keys {
		count[key]++
		most = max(most, count[key])
	}
	return float64(most) / float64(len(keys))
}

// uniformKeys answers n keys out of 10,000, each as likely; the same each time.
func uniformKeys(n int) []string {
	random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // no secret
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "key-" + strconv.Itoa(random.IntN(uniform))
	}
	return keys
}

// zipf answers n keys out of 1,000, a few of them hot; the same each time.
func zipf(n int) []string {
	random := rand.NewZipf(rand.New(rand.NewPCG(seed, seed)), zipfSlope, 1, zipfKeys-1) //nolint:gosec // no secret
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "key-" + strconv.FormatUint(random.Uint64(), 10)
	}
	return keys
}
