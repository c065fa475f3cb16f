package store

import (
	"context"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
)

// mergeKnown brings letters into the failures that were there already.
func mergeKnown(
	ctx context.Context, tx *sqldb.Tx, cases [][]*letter.Letter, known map[string]letter.Failure, counts *tally,
) error {
	var all changes
	for _, c := range cases {
		before, is := known[c[0].ID]
		if !is {
			continue
		}
		after, latest, changed := letter.MergeAll(before, c)
		if !changed {
			continue
		}
		all.write(&after)
		if latest != nil {
			if err := all.failedAgain(latest); err != nil {
				return err
			}
		}
		all.keepFirst(before, c)
		counts.move(&before, &after)
	}
	return all.apply(ctx, tx)
}
