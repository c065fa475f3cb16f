package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/record"
)

const (
	// fetchBytes bounds one answer: larger than any batch (MaxBatchBytes).
	fetchBytes = 2 << 20
	// fetchPause is the wait after an answer without records.
	fetchPause = 20 * time.Millisecond
)

// ErrOffsetGone says that the log no longer holds an offset that was asked
// for: retention has taken it.
var ErrOffsetGone = errors.New("offset is no longer in the log")

// ReadRange calls fn for every record of a partition from offset from up to,
// but not with, offset to, in order, once each, outside any group. It ends at
// the high watermark that the first answer shows where that is below to, and
// passes over the gaps that control records and compaction leave. The caller
// owns the records.
//
// One fetch, 2 MiB at most, is held at a time. An error of fn ends it and is
// answered as it is; so does ctx. Start below the log's first offset is
// ErrOffsetGone: what retention has taken cannot be read, and must not be
// passed over unseen. Safe for concurrent use on one client, where partitions
// of one leader wait for each other.
func ReadRange(ctx context.Context, client sarama.Client, topic string, partition int32, from, to int64, fn func(*record.Record) error) error {
	r := &reader{client: client, topic: topic, partition: partition, next: from, end: to, fn: fn}
	for failures := 0; r.next < r.end; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		before := r.next
		block, err := r.fetch()
		if err == nil {
			failures = 0
			if err := r.deliver(ctx, block); err != nil {
				return err
			}
			if r.next == before && r.next < r.end {
				sleep(ctx, fetchPause)
			}
			continue
		}
		if errors.Is(err, sarama.ErrOffsetOutOfRange) {
			return r.outOfRange(ctx)
		}
		failures++
		if failures >= maxAttempts {
			return fmt.Errorf("reading %s/%d at offset %d: %w", topic, partition, r.next, err)
		}
		_ = client.RefreshMetadata(topic) // The leader may have moved.
		sleep(ctx, retryPause)
	}
	return nil
}

// reader is one ReadRange under way.
type reader struct {
	client    sarama.Client
	topic     string
	partition int32
	next, end int64 // offsets: the next one wanted, and where to stop
	bounded   bool  // end is no higher than the high watermark at the start
	fn        func(*record.Record) error
}

// fetch asks the leader for what follows next, whole batches at a time.
func (r *reader) fetch() (*sarama.FetchResponseBlock, error) {
	leader, err := r.client.Leader(r.topic, r.partition)
	if err != nil {
		return nil, err
	}
	// Version 12 is the last one that names topics, not ids; no fetch session;
	// no wait at the broker, which would hold up every other request of the
	// connection.
	request := &sarama.FetchRequest{Version: 12, MinBytes: 1, MaxBytes: fetchBytes, SessionEpoch: -1}
	request.AddBlock(r.topic, r.partition, r.next, fetchBytes, -1)
	response, err := leader.Fetch(request)
	if err != nil {
		_ = leader.Close() // The next attempt connects anew.
		return nil, err
	}
	block := response.GetBlock(r.topic, r.partition)
	if block == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	if block.Err != sarama.ErrNoError {
		return nil, block.Err
	}
	return block, nil
}

// deliver hands the block's records on and moves next past every whole batch,
// empty ones included. A batch may start before next: brokers answer whole
// batches.
func (r *reader) deliver(ctx context.Context, block *sarama.FetchResponseBlock) error {
	if !r.bounded {
		r.end, r.bounded = min(r.end, block.HighWaterMarkOffset), true
	}
	for _, set := range block.RecordsSet {
		batch := set.RecordBatch
		if batch == nil || batch.PartialTrailingRecord {
			continue
		}
		if err := r.batch(ctx, batch); err != nil {
			return err
		}
		r.next = max(r.next, batch.LastOffset()+1)
	}
	return nil
}

// batch hands on the records of one batch that are within the range.
func (r *reader) batch(ctx context.Context, batch *sarama.RecordBatch) error {
	// The end of a transaction: it takes an offset and is no record.
	if batch.Control {
		return nil
	}
	for _, rec := range batch.Records {
		offset := batch.FirstOffset + rec.OffsetDelta
		if offset < r.next || offset >= r.end {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		at := batch.FirstTimestamp.Add(rec.TimestampDelta)
		// The broker stamps a batch as a whole, in its header.
		if batch.LogAppendTime {
			at = batch.MaxTimestamp
		}
		err := r.fn(&record.Record{
			Topic: r.topic, Partition: r.partition, Offset: offset,
			Key: rec.Key, Value: rec.Value, Headers: headers(rec.Headers), Timestamp: at,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// outOfRange tells an offset that is gone from one that is yet to come; the
// latter is an empty range.
func (r *reader) outOfRange(ctx context.Context) error {
	ranges, err := Offsets(ctx, r.client, r.topic)
	if err != nil {
		return err
	}
	for _, have := range ranges {
		if have.Partition == r.partition && r.next < have.First {
			return fmt.Errorf("%s/%d: offset %d, the log begins at %d: %w", r.topic, r.partition, r.next, have.First, ErrOffsetGone)
		}
	}
	return nil
}
