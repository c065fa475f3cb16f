package spool

import (
	"context"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/sqldb"
)

// OpenWithFaults is Open with a test between the steps.
func OpenWithFaults(ctx context.Context, cfg Config, db *sqldb.DB, direct publisher, relay writer, faults func(string)) (*Spool, error) {
	s, err := prepare(ctx, cfg, db, direct, relay)
	if err != nil {
		return nil, err
	}
	s.faults = faults
	s.start()
	return s, nil
}

// Crash ends the spool as the end of its process would: nothing more is
// appended, sent or given up.
func (s *Spool) Crash() {
	s.closed.Store(true)
	s.end()
	signal(s.ready.filled)
	s.appends.Wait()
	s.running.Wait()
}

// LaneOf is a key's lane.
func LaneOf(key []byte) int { return laneOf(key) }

// EncodeRecord and DecodeRecord are the form of a row.
func EncodeRecord(r *record.Record) []byte { return encodeRecord(r) }

// DecodeRecord is EncodeRecord's opposite.
func DecodeRecord(b []byte) (record.Record, error) { return decodeRecord(b) }

// Claim claims a lane in a transaction of its own.
func Claim(ctx context.Context, db *sqldb.DB, topic string, lane int, owner string, cfg Config) (ok bool, err error) {
	err = db.InTx(ctx, func(tx *sqldb.Tx) error {
		_, ok, err = claim(ctx, tx, topic, lane, owner, cfg.Lease)
		return err
	})
	return ok, err
}
