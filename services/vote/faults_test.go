package vote

import (
	"context"

	"floodgate.internal/services/vote/internal/casting"
)

func (v faultyView) Apply(ctx context.Context, changes []casting.Change) ([]casting.Result, error) {
	v.faults("view.apply", "before")
	defer v.faults("view.apply", "after")
	return v.View.Apply(ctx, changes)
}

func (v faultyView) Replace(ctx context.Context, s casting.ShardState) error {
	v.faults("view.replace", "before")
	defer v.faults("view.replace", "after")
	return v.View.Replace(ctx, s)
}

func (f faultyFloors) Save(ctx context.Context, floors []casting.Floor) error {
	f.faults("floors.save", "before")
	defer f.faults("floors.save", "after") // the Kafka commit comes next
	return f.Floors.Save(ctx, floors)
}

func (l faultyLedger) InTx(ctx context.Context, fn func(casting.LedgerTx) error) error {
	l.faults("ledger.tx", "before")
	defer l.faults("ledger.tx", "after")
	return l.Ledger.InTx(ctx, func(tx casting.LedgerTx) error {
		err := fn(tx)
		l.faults("ledger.tx", "uncommitted")
		return err
	})
}

func (p faultyPublisher) PublishVote(ctx context.Context, poll, voter, voteID, candidate string) (casting.Accepted, error) {
	p.faults("publish", "before")
	defer p.faults("publish", "after")
	return p.Publisher.PublishVote(ctx, poll, voter, voteID, candidate)
}
