package storetest_test

import (
	"context"
	"slices"
	"testing"

	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
	"floodgate.internal/services/vote/internal/store/storetest"
)

// brokenLedger is a ledger with one fault.
type brokenLedger struct {
	casting.Ledger
	voters func(map[string]*casting.VoterRecord)
	write  func(*casting.Posting)
	page   func([]casting.Recorded) []casting.Recorded
}

func (b brokenLedger) InTx(ctx context.Context, fn func(casting.LedgerTx) error) error {
	return b.Ledger.InTx(ctx, func(tx casting.LedgerTx) error { return fn(brokenTx{tx, b}) })
}

func (b brokenLedger) Page(ctx context.Context, poll string, after casting.Identity, limit int) ([]casting.Recorded, error) {
	page, err := b.Ledger.Page(ctx, poll, after, limit)
	return b.page(page), err
}

type brokenTx struct {
	casting.LedgerTx
	b brokenLedger
}

func (tx brokenTx) Voters(ctx context.Context, poll string, asked []casting.Identity) (map[string]*casting.VoterRecord, error) {
	found, err := tx.LedgerTx.Voters(ctx, poll, asked)
	tx.b.voters(found)
	return found, err
}

func (tx brokenTx) Write(ctx context.Context, p casting.Posting) error {
	tx.b.write(&p)
	return tx.LedgerTx.Write(ctx, p)
}

// ledgerFaults are faults of each kind that loses or doubles votes.
func ledgerFaults() map[string]func(*brokenLedger) {
	return map[string]func(*brokenLedger){
		"none": func(*brokenLedger) {},
		"forgets rejected votes": func(b *brokenLedger) {
			b.voters = func(found map[string]*casting.VoterRecord) {
				for _, r := range found {
					clear(r.Known)
				}
			}
		},
		"forgets voids": func(b *brokenLedger) {
			b.voters = func(found map[string]*casting.VoterRecord) {
				for _, r := range found {
					r.Voter.Voids = nil
				}
			}
		},
		"forgets voters": func(b *brokenLedger) { b.voters = func(found map[string]*casting.VoterRecord) { clear(found) } },
		"drops a vote": func(b *brokenLedger) {
			b.write = func(p *casting.Posting) { p.Insert = p.Insert[min(1, len(p.Insert)):] }
		},
		"drops updates":  func(b *brokenLedger) { b.write = func(p *casting.Posting) { p.Update = nil } },
		"does not move":  func(b *brokenLedger) { b.write = func(p *casting.Posting) { p.Shards = nil } },
		"loses the void": func(b *brokenLedger) { b.write = func(p *casting.Posting) { p.Voids = nil } },
		"loses an entry": func(b *brokenLedger) { b.write = func(p *casting.Posting) { p.Entries = nil } },
		"repeats on page": func(b *brokenLedger) {
			b.page = func(page []casting.Recorded) []casting.Recorded { return append(page, page...) }
		},
		"loses the reason": func(b *brokenLedger) {
			b.write = func(p *casting.Posting) {
				p.Insert = slices.Clone(p.Insert)
				for i := range p.Insert {
					p.Insert[i].Reason = ""
				}
			}
		},
		"rewrites history": func(b *brokenLedger) {
			b.write = func(p *casting.Posting) {
				p.Update = slices.Clone(p.Update)
				for i := range p.Update {
					p.Update[i].Status = ballot.Counted
				}
			}
		},
	}
}

// TestLedgerSuiteNoticesFaults: one fault of each kind, each found.
func TestLedgerSuiteNoticesFaults(t *testing.T) {
	t.Parallel()
	tables, err := store.Open(t.Context(), sqldbtest.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, breakIt := range ledgerFaults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := brokenLedger{
				Ledger: tables.Ledger,
				voters: func(map[string]*casting.VoterRecord) {}, write: func(*casting.Posting) {},
				page: func(page []casting.Recorded) []casting.Recorded { return page },
			}
			breakIt(&broken)
			found := storetest.Fault[casting.Ledger](t.Context(), broken, storetest.LedgerCases())
			if (found != "") != (name != "none") {
				t.Errorf("the suite finds %q", found)
			}
		})
	}
}
