package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cleaner applies retention.ms of topics that set it, at an interval. kfake
// could do so itself, with three faults that lose offsets or records here:
//
//   - Its ticker starts when a topic with a retention setting is created or
//     altered, so after a restart it never does, and the log grows for ever.
//   - It empties a partition whose records have all expired. With the last
//     record goes the only trace of the end offset: after the next start,
//     offsets begin at 0 again, below what every group has committed.
//   - It deletes up to the newest expired batch, not the first record that is
//     not expired; one record stamped late takes younger ones along.
//
// So kfake's ticker is put off for good, and this one keeps the last batch.
type cleaner struct {
	cluster *kfake.Cluster
	client  *kgo.Client
	log     *slog.Logger
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// startCleaner starts the interval, which ends with stop or with ctx.
func startCleaner(ctx context.Context, cluster *kfake.Cluster, every time.Duration, log *slog.Logger) (*cleaner, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		return nil, fmt.Errorf("client for log cleanup: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &cleaner{cluster: cluster, client: client, log: log, cancel: cancel}
	c.done.Go(func() { c.run(ctx, every) })
	return c, nil
}

// stop returns when no cleanup runs any more.
func (c *cleaner) stop() {
	c.cancel()
	c.done.Wait()
	c.client.Close()
}

func (c *cleaner) run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			// What fails now is tried again at the next tick.
			if err := c.clean(ctx, now); err != nil && ctx.Err() == nil {
				c.log.Warn("embedded broker: log cleanup", "error", err)
			}
		}
	}
}

// clean makes one pass over all topics; a fault in one does not spare the rest.
func (c *cleaner) clean(ctx context.Context, now time.Time) error {
	req := kmsg.NewPtrMetadataRequest() // no topics named: all of them
	meta, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return fmt.Errorf("listing topics: %w", err)
	}
	var faults []error
	for _, t := range meta.Topics {
		if t.Topic == nil {
			continue
		}
		retention, ok := c.retention(*t.Topic)
		if !ok {
			continue
		}
		if err := c.cleanTopic(ctx, *t.Topic, now.Add(-retention)); err != nil {
			faults = append(faults, fmt.Errorf("topic %s: %w", *t.Topic, err))
		}
	}
	return errors.Join(faults...)
}

// retention reads the topic's retention.ms; false for a topic that sets none,
// sets it to -1 (for ever), or is gone by now.
func (c *cleaner) retention(topic string) (time.Duration, bool) {
	info := c.cluster.TopicInfo(topic)
	if info == nil || info.Configs["retention.ms"] == nil {
		return 0, false
	}
	ms, err := strconv.ParseInt(*info.Configs["retention.ms"], 10, 64)
	if err != nil || ms < 0 {
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}

// cleanTopic deletes the records before the first one stamped at horizon or
// later, in every partition, but never a partition's last batch.
func (c *cleaner) cleanTopic(ctx context.Context, topic string, horizon time.Time) error {
	held := make(map[int32]*kfake.PartitionInfo)
	ask := kmsg.NewListOffsetsRequestTopic()
	ask.Topic = topic
	for _, p := range c.cluster.PartitionInfos(topic) {
		if p.HighWatermark-p.LogStartOffset < 2 {
			continue // nothing to delete beside the last
		}
		held[p.Partition] = p
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp = p.Partition, horizon.UnixMilli()
		ask.Partitions = append(ask.Partitions, part)
	}
	if len(held) == 0 {
		return nil
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.Topics = append(req.Topics, ask)
	answer, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return fmt.Errorf("finding expired records: %w", err)
	}
	var faults []error
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			faults = append(faults, c.truncate(topic, p, held[p.Partition]))
		}
	}
	return errors.Join(faults...)
}

// truncate deletes what lies before the found offset. Offset -1 says that
// nothing is as young as the horizon: all but the last record goes then.
func (c *cleaner) truncate(topic string, found kmsg.ListOffsetsResponseTopicPartition, held *kfake.PartitionInfo) error {
	if err := kerr.ErrorForCode(found.ErrorCode); err != nil {
		return fmt.Errorf("partition %d: finding expired records: %w", found.Partition, err)
	}
	until := held.HighWatermark - 1
	if found.Offset >= 0 {
		until = min(until, found.Offset)
	}
	if until <= held.LogStartOffset {
		return nil
	}
	if err := c.cluster.DeleteRecords(topic, found.Partition, until); err != nil {
		return fmt.Errorf("partition %d: deleting records before %d: %w", found.Partition, until, err)
	}
	return nil
}
