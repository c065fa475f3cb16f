package publish

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

const (
	// batchBytes bounds one batch, framing included: below broker.MaxBatchBytes
	// unless a single record is larger.
	batchBytes = 512 << 10
	// recordOverhead is what framing adds to a record, at most.
	recordOverhead = 64
	// produceVersion is the last request without tagged fields: Kafka 2.1 on.
	produceVersion = 7
	// ackTimeout is how long the leader waits for the other replicas.
	ackTimeout = 10 * time.Second
)

// Writer puts runs of records into Kafka in an order that holds whatever fails.
// The records of a partition go into one batch, which the broker takes whole or
// not at all, and the next batch of that partition is sent only after the ack of
// the one before: no record is in the log before an earlier one of its partition
// is. An asynchronous producer with several records in flight cannot say that:
// where it gives one up, those behind it go on.
//
// It keeps no producer identity. A batch whose answer was lost may be in the
// log, and is there twice when it is written again, always as a whole and never
// ahead of its predecessors: the first occurrences keep the order (SEMANTICS 2,
// 12).
//
// Safe for concurrent use; calls that share a partition must not overlap if
// their order matters.
type Writer struct {
	client  sarama.Client
	keyless atomic.Uint32
}

// NewWriter answers a writer on a client that SaramaConfig configured. The
// client should be the writer's own: it has one request in flight per broker,
// behind which others would wait. The caller closes it after the last Write.
func NewWriter(client sarama.Client) *Writer { return &Writer{client: client} }

// Write puts records of one topic into the log, each at the partition of its
// key, and answers an error for each by its place, nil where it was
// acknowledged. After the first failure in a partition nothing more is sent to
// it; those records have the same error. Errors are those of Publish; an
// ErrIndefinite may be in the log.
//
// ctx ends the wait, with ErrIndefinite for all records; what is under way then
// ends by the client's request timeout. Key, value and headers must not be
// changed until then.
func (w *Writer) Write(ctx context.Context, topic string, records []record.Record) []error {
	if ctx.Err() != nil {
		return all(len(records), unavailable(context.Cause(ctx)))
	}
	// The client's own waits, for metadata or a hung broker, know no context.
	done := make(chan []error, 1)
	go func() { done <- w.write(ctx, topic, records) }()
	select {
	case errs := <-done:
		return errs
	case <-ctx.Done():
		return all(len(records), indefinite(context.Cause(ctx)))
	}
}

func all(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func (w *Writer) write(ctx context.Context, topic string, records []record.Record) []error {
	ids, err := w.client.Partitions(topic)
	if err == nil && len(ids) == 0 {
		err = sarama.ErrUnknownTopicOrPartition
	}
	if err != nil {
		return all(len(records), unavailable(fmt.Errorf("reading the partitions of %s: %w", topic, err)))
	}
	errs := make([]error, len(records))
	runs := w.place(topic, int32(len(ids)), records)
	for len(runs) > 0 {
		runs = w.round(ctx, topic, records, runs, errs)
	}
	return errs
}

// run is what one partition has yet to get: places of records.
type run struct {
	partition int32
	places    []int
}

func (w *Writer) place(topic string, partitions int32, records []record.Record) []*run {
	entry, _ := topics.Lookup(topic)
	to := target{topic: entry, partitions: partitions}
	byPartition := make(map[int32]*run)
	var runs []*run
	for i := range records {
		partition := to.partition(records[i].Key, &w.keyless)
		r := byPartition[partition]
		if r == nil {
			r = &run{partition: partition}
			byPartition[partition] = r
			runs = append(runs, r)
		}
		r.places = append(r.places, i)
	}
	return runs
}

// request is a produce request to one leader and the runs that have a batch in
// it, with how many records each.
type request struct {
	leader *sarama.Broker
	body   *sarama.ProduceRequest
	runs   []*run
	counts []int
}

// round sends every run's next batch, one request per leader, and answers the
// runs that go on.
func (w *Writer) round(ctx context.Context, topic string, records []record.Record, runs []*run, errs []error) []*run {
	if ctx.Err() != nil {
		fail(runs, errs, unavailable(context.Cause(ctx)))
		return nil
	}
	var requests []*request
	byLeader := make(map[int32]*request)
	for _, r := range runs {
		leader, err := w.client.Leader(topic, r.partition)
		if err != nil {
			fail([]*run{r}, errs, unavailable(fmt.Errorf("leader of %s/%d: %w", topic, r.partition, err)))
			continue
		}
		q := byLeader[leader.ID()]
		if q == nil {
			q = &request{leader: leader, body: &sarama.ProduceRequest{
				RequiredAcks: sarama.WaitForAll, Timeout: int32(ackTimeout / time.Millisecond), Version: produceVersion,
			}}
			byLeader[leader.ID()] = q
			requests = append(requests, q)
		}
		batch, n := nextBatch(records, r.places)
		q.body.AddBatch(topic, r.partition, batch)
		q.runs, q.counts = append(q.runs, r), append(q.counts, n)
	}
	var waiting sync.WaitGroup
	rest := make([][]*run, len(requests))
	for i, q := range requests {
		waiting.Go(func() { rest[i] = w.send(topic, q, errs) })
	}
	waiting.Wait()
	var next []*run
	for _, r := range rest {
		next = append(next, r...)
	}
	return next
}

// send awaits the leader's answer and answers the runs that have more to send.
// Requests of one round concern different places of errs.
func (w *Writer) send(topic string, q *request, errs []error) []*run {
	response, err := q.leader.Produce(q.body)
	if err != nil {
		_ = q.leader.Close()                // The next attempt connects anew.
		_ = w.client.RefreshMetadata(topic) // The leader may have moved.
		fail(q.runs, errs, indefinite(err))
		return nil
	}
	var next []*run
	stale := false
	for i, r := range q.runs {
		block := response.GetBlock(topic, r.partition)
		switch {
		case block == nil:
			fail([]*run{r}, errs, indefinite(sarama.ErrIncompleteResponse))
		case block.Err != sarama.ErrNoError:
			stale = true
			fail([]*run{r}, errs, classify(block.Err, true))
		default:
			if r.places = r.places[q.counts[i]:]; len(r.places) > 0 {
				next = append(next, r)
			}
		}
	}
	if stale {
		_ = w.client.RefreshMetadata(topic)
	}
	return next
}

func fail(runs []*run, errs []error, err error) {
	for _, r := range runs {
		for _, i := range r.places {
			errs[i] = err
		}
	}
}

// nextBatch makes the batch of the next records, as many as fit, and answers
// how many.
func nextBatch(records []record.Record, places []int) (*sarama.RecordBatch, int) {
	now := time.UnixMilli(time.Now().UnixMilli())
	batch := &sarama.RecordBatch{
		Version: 2, Codec: sarama.CompressionNone, FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
	}
	size := 0
	for n, i := range places {
		r := &records[i]
		size += r.Size() + recordOverhead + len(r.Headers)*recordOverhead/8
		if n > 0 && size > batchBytes {
			break
		}
		rec := &sarama.Record{Key: r.Key, Value: r.Value, OffsetDelta: int64(n), Headers: make([]*sarama.RecordHeader, len(r.Headers))}
		for h := range r.Headers {
			rec.Headers[h] = &sarama.RecordHeader{Key: []byte(r.Headers[h].Key), Value: r.Headers[h].Value}
		}
		batch.Records = append(batch.Records, rec)
	}
	batch.LastOffsetDelta = int32(len(batch.Records) - 1)
	return batch, len(batch.Records)
}
