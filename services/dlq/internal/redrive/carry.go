package redrive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"floodgate.internal/services/dlq/internal/letter"
)

const (
	// maxPortion is how many records are published before they are written down:
	// what a crash repeats at most. A cancel comes as late, or by the time that
	// looking at a large replay is spared (lookShare).
	maxPortion = 1024
	// portionBytes bounds their bytes in memory but for the last record's: what a
	// portion of 1,024 has at 8 KiB each.
	portionBytes = 8 << 20
)

// carrier brings failures' records into Kafka.
type carrier struct {
	kafka  Redeliverer
	routes []Route
	// decided has what decisions send.
	decided Replays
}

// carry publishes what is due: what has one key in one group one after the
// other, in order, everything else beside each other, so that a portion waits for
// as many acks as its most frequent key has records. It answers those it knows
// the end of; where one is in doubt, what follows it in its lane is not touched,
// so that a repetition keeps the order.
func (c *carrier) carry(ctx context.Context, replay string, due []Due) ([]Sent, error) {
	var (
		mu     sync.Mutex
		sent   []Sent
		faults error
		busy   sync.WaitGroup
	)
	for _, queue := range lanes(due) {
		busy.Go(func() {
			done, err := c.lane(ctx, replay, queue)
			mu.Lock()
			defer mu.Unlock()
			sent, faults = append(sent, done...), errors.Join(faults, err)
		})
	}
	busy.Wait()
	return sent, faults
}

// lanes are what is due by what keeps an order: a record without a key keeps none.
func lanes(due []Due) [][]Due {
	type lane struct{ topic, group, key string }
	at, queues := map[lane]int{}, make([][]Due, 0, len(due))
	for _, d := range due {
		of := lane{d.Topic, d.Group, string(d.Record.Key)}
		place, known := at[of]
		if !known {
			place = len(queues)
			queues = append(queues, nil)
		}
		if d.Record.Key != nil {
			at[of] = place
		}
		queues[place] = append(queues[place], d)
	}
	return queues
}

func (c *carrier) lane(ctx context.Context, replay string, queue []Due) ([]Sent, error) {
	var sent []Sent
	for _, d := range queue {
		one, err := c.one(ctx, replay, d)
		if err != nil {
			return sent, err
		}
		sent = append(sent, one)
	}
	return sent, nil
}

// one publishes a failure's record. A client's report is done with that: it is
// in the log as it would be, had it been handed in, and what a group makes of it
// is that group's (SEMANTICS 20).
func (c *carrier) one(ctx context.Context, replay string, d Due) (Sent, error) {
	if d.Status != letter.Replaying {
		return c.own(ctx, replay, d)
	}
	sent := Sent{Due: d, State: letter.Skipped, Partition: letter.NoPlace, Offset: letter.NoPlace}
	to := c.routeOf(&d.Failure)
	if to == "" {
		sent.Detail = "not published: " + d.Status.String()
		return sent, nil
	}
	var err error
	sent.Partition, sent.Offset, err = c.kafka.Redeliver(ctx, Redelivery{Replay: replay, To: to, Failure: d.Failure, Record: d.Record})
	if errors.Is(err, ErrUnfit) {
		sent.Detail = err.Error()
		sent.Partition, sent.Offset = letter.NoPlace, letter.NoPlace
		return sent, nil
	}
	if err != nil {
		return sent, err
	}
	sent.State = letter.Published
	if d.Group == "" {
		sent.State = letter.ItemApplied
		sent.Detail = fmt.Sprintf("published to %s/%d@%d", to, sent.Partition, sent.Offset)
	}
	return sent, nil
}

func (c *carrier) routeOf(f *letter.Failure) string {
	for _, r := range c.routes {
		if r.Topic == f.Topic && r.Group == f.Group {
			return r.To
		}
	}
	return ""
}

// pace keeps a replay to its rate. The zero value may begin at once.
type pace struct{ next time.Time }

// portion is how many records may go now: a tenth of a second's.
func (*pace) portion(rate int32) int64 { return min(max(int64(rate)/10, 1), maxPortion) }

// spent notes that so many went, and answers the wait before the next.
func (p *pace) spent(now time.Time, n int, rate int32) time.Duration {
	if p.next.Before(now.Add(-time.Second)) {
		p.next = now // it was held up: what it missed is not made up for in a burst
	}
	p.next = p.next.Add(time.Duration(n) * time.Second / time.Duration(rate))
	return max(p.next.Sub(now), 0)
}
