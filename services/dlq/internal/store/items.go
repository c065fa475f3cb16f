package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// items are those of replays that outcomes tell of, locked.
type items map[itemKey]*heardItem

type itemKey struct{ replay, failure string }

// heardItem is an item and what was heard of it.
type heardItem struct {
	number int64
	state  letter.Item
	detail string
	// inferred says that state was concluded from the group's silence.
	inferred bool
	// heard says that state, detail and inferred are new.
	heard bool
}

// hear puts what was said of an item.
func (i *heardItem) hear(state letter.Item, detail string) {
	i.state, i.detail, i.inferred, i.heard = state, letter.Text(detail, maxDetail), false, true
}

// lockItems reads and locks the items that outcomes tell of, in the order in
// which all lock items; those that are not there are missing.
func lockItems(ctx context.Context, tx *sqldb.Tx, outcomes []redrive.Outcome) (items, error) {
	asked, locked := newMany([]string{"replay_id", "failure_id"}, nil), items{}
	for _, o := range outcomes {
		key := itemKey{o.Replay, o.Failure}
		if _, twice := locked[key]; !twice {
			locked[key] = nil
			asked.add([]string{o.Replay, o.Failure}, nil)
		}
	}
	text, args, err := lockingItems(tx.Dialect, asked)
	if err != nil {
		return nil, err
	}
	found, err := tx.QueryContext(ctx, text, args...)
	if err == nil {
		_, err = sqldb.Collect(found, func(scan sqldb.Scan) (none struct{}, err error) {
			var key itemKey
			var one heardItem
			err = scan(&key.replay, &key.failure, &one.number, &one.state, &one.inferred)
			locked[key] = &one
			return none, err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("reading what replays wait for: %w", err)
	}
	return locked, nil
}

// lockingItems is the statement of lockItems.
func lockingItems(d sqldb.Dialect, asked *many) (string, []any, error) {
	given, args, err := asked.table(d, 1)
	return `SELECT i.replay_id, i.failure_id, i.item, i.state, i.inferred <> 0 FROM ` + given + ` JOIN replay_items AS i
 ON i.replay_id = given.replay_id AND i.failure_id = given.failure_id ORDER BY i.replay_id, i.item` + locked(d, "i"), args, err
}

// write puts into the items what was heard of them.
func (all items) write(ctx context.Context, tx *sqldb.Tx, at int64) error {
	rows := newMany([]string{"replay_id", "detail"}, []string{"number", "state", "inferred"})
	keys := slices.SortedFunc(maps.Keys(all), func(a, b itemKey) int {
		return cmp.Or(cmp.Compare(a.replay, b.replay), cmp.Compare(a.failure, b.failure))
	})
	for _, key := range keys {
		if one := all[key]; one != nil && one.heard {
			rows.add([]string{key.replay, one.detail}, []int64{one.number, int64(one.state), int64(truth(one.inferred))})
		}
	}
	err := rows.exec(ctx, tx, `UPDATE replay_items SET state = given.state, settled_at = $1, detail = given.detail, inferred = given.inferred FROM `,
		` WHERE replay_items.replay_id = given.replay_id AND replay_items.item = given.number`, at)
	if err != nil {
		return fmt.Errorf("writing outcomes: %w", err)
	}
	return nil
}
