package store

import (
	"hash/fnv"
	"strings"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
)

// failureColumns are those of failures, in the order of scanFailure and
// failureRow.
func failureColumns() []string {
	return []string{
		"first_failed_at", "last_failed_at", "closed_at", "log_offset", "letter_offset", "key_hash", "partition_id",
		"attempts", "replays", "status", "indefinite", "failure_id", "service", "topic", "consumer_group", "event_key",
		"event_id", "event_type", "error_class", "reason", "error_message", "fingerprint", "trace_id", "letter_source",
	}
}

// columnList is failureColumns as SQL.
func columnList() string { return strings.Join(failureColumns(), ", ") }

// columnsOf is columnList of a table that a name stands for.
func columnsOf(table string) string {
	return table + "." + strings.Join(failureColumns(), ", "+table+".")
}

// scanFailure reads a row of failures.
func scanFailure(scan sqldb.Scan) (f letter.Failure, err error) {
	var hash int64
	var indefinite int
	err = scan(&f.FirstFailedAt, &f.LastFailedAt, &f.ClosedAt, &f.Offset, &f.Place.Offset, &hash, &f.Partition,
		&f.Attempts, &f.Replays, &f.Status, &indefinite, &f.ID, &f.Service, &f.Topic, &f.Group, &f.Key,
		&f.EventID, &f.EventType, &f.Class, &f.Reason, &f.Message, &f.Fingerprint, &f.TraceID, &f.Place.Source)
	f.Indefinite = indefinite != 0
	return f, err
}

// failureRow is a failure as a row to insert; the key is hashed whole.
func failureRow(f *letter.Failure, key []byte) []any {
	return []any{
		f.FirstFailedAt, f.LastFailedAt, f.ClosedAt, f.Offset, f.Place.Offset, hashKey(key), f.Partition,
		f.Attempts, f.Replays, int16(f.Status), truth(f.Indefinite), f.ID, f.Service, f.Topic, f.Group, f.Key,
		f.EventID, f.EventType, f.Class, f.Reason, f.Message, f.Fingerprint, f.TraceID, f.Place.Source,
	}
}

// hashKey tells keys apart for counting distinct ones. It leaves out the lowest
// number, which the column's check does.
func hashKey(key []byte) int64 {
	sum := fnv.New64a()
	_, _ = sum.Write(key) // never fails
	return int64(sum.Sum64() >> 1)
}

func truth(b bool) int16 {
	if b {
		return 1
	}
	return 0
}
