package store

import (
	"context"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
)

// firstRecord is the record at the first place of a failure.
type firstRecord struct {
	*letter.Letter
	// payload says that it is another one than was known, and not new headers of it
	// alone.
	payload bool
}

// keepFirst puts to a failure what letters tell of the record at its first place:
// new headers of it, or another record that stands before the one known.
func (c *changes) keepFirst(before letter.Failure, letters []*letter.Letter) {
	if first, payload := letter.First(before, letters); first != nil {
		c.first = append(c.first, firstRecord{first, payload})
	}
}

// write puts it into its row. There are few of them: what is merged is small
// beside what is new.
func (r firstRecord) write(ctx context.Context, tx *sqldb.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE records SET headers = $1 WHERE failure_id = $2", encodeHeaders(r.Headers), r.ID)
	if err == nil && r.payload {
		_, err = tx.ExecContext(ctx, "UPDATE records SET record_key = $1, payload = $2 WHERE failure_id = $3", r.Record.Key, r.Value, r.ID)
	}
	return err
}
