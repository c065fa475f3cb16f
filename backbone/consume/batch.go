package consume

import (
	"floodgate.internal/backbone/record"
)

// Batch is a slice of one claim's partition, in offset order. It is the
// handler's until HandleBatch returns; not safe for concurrent use.
type Batch struct {
	Claim Claim
	// Records are the records, at least one. A retry after Fail holds only
	// those that were marked.
	Records []*record.Record

	failed  map[int]error
	already map[int]bool
}

// Fail marks Records[i] as failed with err, nil being no failure; the last mark
// counts. By its class the record is dead-lettered or tried again, while the
// records that were not marked are done.
func (b *Batch) Fail(i int, err error) {
	_ = b.Records[i] // a wrong index is a fault of the handler: fail here, where its stack is
	if err == nil {
		delete(b.failed, i)
		return
	}
	if b.failed == nil {
		b.failed = make(map[int]error)
	}
	b.failed[i] = err
}

// AlreadyApplied says of Records[i] that its effect had happened before: the
// handler found it and did nothing. Of a replay its outcome says so; of any other
// record nobody asks. A record that is marked by Fail has failed.
func (b *Batch) AlreadyApplied(i int) {
	_ = b.Records[i]
	if b.already == nil {
		b.already = make(map[int]bool)
	}
	b.already[i] = true
}
