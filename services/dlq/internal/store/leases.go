package store

import (
	"context"
	"fmt"
)

// Lease makes owner who does the named work until a time; false where somebody
// else's time has not passed by now. Of two who ask at once the second waits for
// the row and finds the first's time in it.
func (s *Failures) Lease(ctx context.Context, name, owner string, now, until int64) (bool, error) {
	done, err := s.db.Write.ExecContext(ctx, `INSERT INTO leases (lease_until, name, owner) VALUES ($1, $2, $3)
 ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until, owner = excluded.owner
 WHERE leases.owner = excluded.owner OR leases.lease_until < $4`, until, name, owner, now)
	if err != nil {
		return false, fmt.Errorf("leasing %s: %w", name, err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}
