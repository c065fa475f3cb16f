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

// items are those of replays that outcomes tell of.
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

// The items asked for stand between both.
const (
	itemsOf    = "i.replay_id, i.failure_id, i.item, i.state, i.inferred <> 0 FROM "
	whichItems = " JOIN replay_items AS i ON i.replay_id = given.replay_id AND i.failure_id = given.failure_id"
)

// readItems reads the items that outcomes tell of; those that are not there are
// missing. Their failures are locked, and with them the items, but for a portion
// that is written down at this moment: an outcome means the same before it and
// behind it.
func readItems(ctx context.Context, tx *sqldb.Tx, outcomes []redrive.Outcome) (items, error) {
	asked, all := newMany([]string{"replay_id", "failure_id"}, nil), items{}
	for _, o := range outcomes {
		key := itemKey{o.Replay, o.Failure}
		if _, twice := all[key]; !twice {
			all[key] = nil
			asked.add([]string{o.Replay, o.Failure}, nil)
		}
	}
	given, args, err := asked.table(tx.Dialect, 1)
	if err != nil {
		return nil, err
	}
	found, err := tx.QueryContext(ctx, "SELECT "+itemsOf+given+whichItems, args...)
	if err == nil {
		_, err = sqldb.Collect(found, func(scan sqldb.Scan) (none struct{}, err error) {
			var key itemKey
			var one heardItem
			err = scan(&key.replay, &key.failure, &one.number, &one.state, &one.inferred)
			all[key] = &one
			return none, err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("reading what replays wait for: %w", err)
	}
	return all, nil
}

// The rows stand between both.
const (
	settling     = "UPDATE replay_items SET state = given.state, settled_at = $1, detail = given.detail, inferred = given.inferred FROM "
	settledItems = " WHERE replay_items.replay_id = given.replay_id AND replay_items.item = given.number"
)

// write puts into the items what was heard of them, in the order in which all
// write items: a portion of theirs may be written down beside.
func (all items) write(ctx context.Context, tx *sqldb.Tx, at int64) error {
	rows := newMany([]string{"replay_id", "detail"}, []string{"number", "state", "inferred"})
	maps.DeleteFunc(all, func(_ itemKey, one *heardItem) bool { return one == nil || !one.heard })
	keys := slices.SortedFunc(maps.Keys(all), func(a, b itemKey) int {
		return cmp.Or(cmp.Compare(a.replay, b.replay), cmp.Compare(all[a].number, all[b].number))
	})
	for _, key := range keys {
		one := all[key]
		rows.add([]string{key.replay, one.detail}, []int64{one.number, int64(one.state), int64(truth(one.inferred))})
	}
	err := rows.exec(ctx, tx, settling, settledItems, at)
	if err != nil {
		return fmt.Errorf("writing outcomes: %w", err)
	}
	return nil
}
