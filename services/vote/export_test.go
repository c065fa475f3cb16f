package vote

import (
	"context"

	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote/internal/casting"
)

// Faults are hooks around every effect that outlives the process. Each is told
// the effect's name before and after it.
type Faults func(effect, when string)

// Inject has the service tell faults of its effects; call it before Run.
func (s *Service) Inject(faults Faults) {
	s.wrap = func(p *parts) {
		p.view = faultyView{p.view, faults}
		p.floors = faultyFloors{p.floors, faults}
		p.ledger = faultyLedger{p.ledger, faults}
		p.votes = faultyPublisher{p.votes, faults}
	}
}

// Refuse has the copy that a group keeps refuse changes with the error that refusal
// answers; call it before Run.
func (s *Service) Refuse(group string, refusal func() error) {
	s.wrap = func(p *parts) {
		switch group {
		case topics.GroupVoteTally:
			p.view = refusingView{p.view, refusal}
		case topics.GroupVoteLedger:
			p.ledger = refusingLedger{p.ledger, refusal}
		}
	}
}

type refusingLedger struct {
	casting.Ledger
	refusal func() error
}

func (l refusingLedger) InTx(ctx context.Context, fn func(tx casting.LedgerTx) error) error {
	if err := l.refusal(); err != nil {
		return err
	}
	return l.Ledger.InTx(ctx, fn)
}

type refusingView struct {
	casting.View
	refusal func() error
}

func (v refusingView) Apply(ctx context.Context, changes []casting.Change) ([]casting.Result, error) {
	if err := v.refusal(); err != nil {
		return nil, err
	}
	return v.View.Apply(ctx, changes)
}

type faultyView struct {
	casting.View
	faults Faults
}

type faultyFloors struct {
	casting.Floors
	faults Faults
}

type faultyLedger struct {
	casting.Ledger
	faults Faults
}

type faultyPublisher struct {
	casting.Publisher
	faults Faults
}
