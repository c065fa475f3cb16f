// Package consume reads Kafka topics as a consumer group and runs a service's
// handlers over the records.
//
// The promise: an offset is committed only after every record below it was
// handled or its dead letter was acknowledged. So a record may be delivered
// again (a crash, a rebalance, an attempt that outlived its deadline), never
// skipped; handlers deduplicate on the event id or on the offset (SEMANTICS 2).
//
// The runtime stands behind a small seam, the claim: one partition that this
// member holds until it is revoked (source in claim.go). Everything above it is
// plain Go and is tested in a synctest bubble; the adapter to sarama below it
// (session.go) is tested on real sockets.
package consume

import (
	"context"

	"floodgate.internal/backbone/deadletter"
	"floodgate.internal/backbone/record"
)

// Handler handles one record. Records of one key come one after the other in
// offset order; records of different keys come beside each other, so Handle
// must be safe for concurrent use. ctx ends at the attempt's deadline or when a
// revoked claim may wait no longer.
//
// An error is classified with package failure: Permanent and Undecodable are
// dead-lettered at once, Outage is tried again without a limit, anything else
// within Config.Retry.
type Handler interface {
	Handle(ctx context.Context, r *record.Record) error
}

// BatchHandler handles a slice of one partition, in offset order and one after
// the other; batches of different partitions come beside each other. A nil
// error says that every record is done but those marked by Batch.Fail. An error
// says that nothing is known of any of them (marks are ignored): the batch is
// tried again as a Handler's record is, and when its budget is spent it is
// halved until the record that fails is found (SEMANTICS 23).
type BatchHandler interface {
	HandleBatch(ctx context.Context, b *Batch) error
}

// ClaimStarter is told of a claim before its first record. While it answers an
// error the claim waits and asks again, with the backoff of Config.Retry.
type ClaimStarter interface {
	StartClaim(ctx context.Context, c Claim) error
}

// ClaimEnder is told when a claim is over: no handler runs any more, unless one
// outlived Config.DrainTimeout. It is called once for each claim whose
// StartClaim was called, after the last BeforeCommit.
type ClaimEnder interface {
	EndClaim(c Claim)
}

// Committer is asked before each commit of a claim: next is the offset that
// will be committed, every record below it is done. An error holds the commit;
// it is asked again at the next interval.
type Committer interface {
	BeforeCommit(ctx context.Context, c Claim, next int64) error
}

// DeadLetterer writes dead letters; deadletter.Writer is one. Write returns
// after the letter is durable.
type DeadLetterer interface {
	Write(ctx context.Context, l deadletter.Letter) error
}

// Claim is one partition from the moment this member holds it until it is
// revoked. The same partition claimed again later is another claim with a
// higher generation.
type Claim struct {
	Topic     string
	Partition int32
	// Generation is the group's generation in which the claim began; it stays
	// through the rebalances that the claim outlives.
	Generation int32
	// Start is the first offset to be delivered; where the log has a gap there,
	// the first record's offset is higher.
	Start int64
}

// Position is a place and time in the log that first carried a record.
type Position = deadletter.Position

// Origin answers where a replayed record first stood; false for a record that
// is not a replay, which counts where it stands. See deadletter.Origin.
func Origin(r *record.Record) (Position, bool) {
	return deadletter.Origin(r)
}
