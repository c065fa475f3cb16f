// Package hold keeps which records of a key wait, for consumer groups whose
// handlers cannot take a later record of a key before an earlier one
// (SEMANTICS 14, HoldKey). A record that was dead-lettered holds its key: later
// ones are parked behind it, each with a row here, until they were all applied
// from the group's replay topic in the order in which they first stood.
//
// One rule decides everything, for live records, redelivered ones and replays:
//
//	A record may be handled if no record of its key that first stood before it
//	is held. Done, its own row goes; dead-lettered, it has one.
//
// Only the claim of a source partition adds rows, and for its own partition
// alone. Claims of replay topics, wherever they run, only take rows away; so
// whoever finds a key free needs no lock to rely on it.
package hold

import "errors"

// ErrFenced says that another claim of the partition has begun since: what the
// caller knows of its keys may be old. A caller that still holds its claim
// begins again.
var ErrFenced = errors.New("another claim has begun")

// Partition is a source partition as one group reads it.
type Partition struct {
	Group     string
	Topic     string
	Partition int32
}

// Record is a record with a key, named by the place where it first stood.
type Record struct {
	Partition
	Key    []byte
	Offset int64
}
