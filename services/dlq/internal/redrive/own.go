package redrive

import (
	"context"
	"fmt"
	"strings"

	"floodgate.internal/services/dlq/internal/letter"
)

// own publishes the records that a decision about a failure sends, in their order:
// the edited event, a word to the group that holds its key. Skipped where there
// are none. What Kafka refuses is tried again for as long as it takes: the
// failure is closed already, and nothing else would tell of it.
func (c *carrier) own(ctx context.Context, replay string, d Due) (Sent, error) {
	sent := Sent{Due: d, State: letter.Skipped, Partition: letter.NoPlace, Offset: letter.NoPlace}
	records, err := c.decided.Outgoing(ctx, replay, d.Item)
	if err != nil {
		return sent, err
	}
	if len(records) == 0 {
		sent.Detail = "not published: " + d.Status.String()
		return sent, nil
	}
	var places []string
	for _, r := range records {
		redelivery := Redelivery{Replay: replay, To: r.Topic, Failure: d.Failure, Record: r.Record, Own: true}
		sent.Partition, sent.Offset, err = c.kafka.Redeliver(ctx, redelivery)
		if err != nil {
			return sent, fmt.Errorf("a record about failure %s for %s: %w", d.ID, r.Topic, err)
		}
		places = append(places, fmt.Sprintf("published to %s/%d@%d", r.Topic, sent.Partition, sent.Offset))
	}
	sent.State, sent.Own, sent.Detail = letter.ItemApplied, true, strings.Join(places, ", ")
	return sent, nil
}
