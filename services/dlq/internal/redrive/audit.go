package redrive

import "context"

// ActionExpired is the last entry of a failure whose history people are in: what
// it was, for those who audit.
const ActionExpired = "EXPIRED"

// Audited is an entry of the audit trail: of a failure that is there, or was.
type Audited struct {
	// ID names the entry and orders entries by the time at which they were written
	// down.
	ID string
	// Failure is the id of the failure it is of.
	Failure string
	Entry
}

// AuditQuery says what is asked of the audit trail. The zero value asks for all
// that people did.
type AuditQuery struct {
	// Failure asks for everything about one failure, what the system did too.
	Failure string
	// Actor asks for what one did, System for what nobody asked for; Action for one
	// of the words of an Entry.
	Actor, Action string
	// Since and Until are Unix microseconds of when it was written down: from the
	// first, before the second. 0 is no bound.
	Since, Until int64
	// After is the last entry of the page before.
	After string
}

// AuditTrail is what was done about failures. Failures implement it.
type AuditTrail interface {
	// Trail answers up to limit entries, the newest first.
	Trail(ctx context.Context, q AuditQuery, limit int) ([]Audited, error)
}

// Audit answers up to limit entries of the audit trail, the newest first.
func (d *Desk) Audit(ctx context.Context, q AuditQuery, limit int) ([]Audited, error) {
	return d.failures.Trail(ctx, q, limit)
}
