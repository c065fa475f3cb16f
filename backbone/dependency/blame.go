package dependency

import (
	"errors"
	"fmt"

	"floodgate.internal/backbone/failure"
)

// Error is a transport error of a dependency.
type Error struct {
	Dependency *Dependency
	Err        error
}

// Error names the dependency.
func (e *Error) Error() string { return e.Dependency.Name() + ": " + e.Err.Error() }

// Unwrap answers the error of the call.
func (e *Error) Unwrap() error { return e.Err }

// Blamed answers the dependency that err is a transport error of, nil where it
// is none's. An error that its handler gave another class than Retryable is
// what the handler says, whatever lies beneath.
func Blamed(err error) *Dependency {
	if failure.ClassOf(err) != failure.Retryable {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Dependency
	}
	return nil
}

// Held answers err as an outage of this dependency: it has no credit for
// dead-lettering a record that it timed out on.
func (d *Dependency) Held(err error) error {
	return failure.As(failure.Outage, ReasonNoCredit, fmt.Errorf("%s has no credit left: %w", d.cfg.Name, err))
}

// HasCredit says whether a dead letter may be spent.
func (d *Dependency) HasCredit() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.credit.covers()
}

// Spend takes the price of one dead letter by timeout; false, and nothing
// taken, where the credit does not cover it.
func (d *Dependency) Spend() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.credit.spend()
}

// letterPrice is what a dead letter by timeout costs (SEMANTICS 23).
const letterPrice = 1

// credit is what a dependency may be trusted to have earned. Not safe for
// concurrent use.
type credit struct{ have, limit float64 }

// rounding: a hundred times 0.01 is not quite 1.
const rounding = 1e-9

func (c *credit) covers() bool { return c.have+rounding >= letterPrice }

func (c *credit) spend() bool {
	if !c.covers() {
		return false
	}
	c.have = max(0, c.have-letterPrice)
	return true
}

func (c *credit) earn(amount float64) { c.have = min(c.limit, c.have+amount) }
