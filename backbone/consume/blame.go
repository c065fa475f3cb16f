package consume

import (
	"time"

	"floodgate.internal/backbone/dependency"
)

// waitsFor answers the dependency whose answer an attempt waits for now, nil
// where it waits for none.
func waitsFor(f *flight) *dependency.Dependency {
	d, _ := f.trail.Waiting().(*dependency.Dependency)
	return d
}

// suspect answers err as an outage where it is the transport error of a
// dependency that has no credit: then the next dead letter would be one of a
// flood, and the record waits instead (SEMANTICS 23).
func suspect(err error) error {
	if d := dependency.Blamed(err); d != nil && !d.HasCredit() {
		return d.Held(err)
	}
	return err
}

// doom says whether a record that is beyond trying may be dead-lettered: if a
// dependency is to blame, it costs a credit. Where there is none, err becomes
// the outage that the record waits for.
func (b *budget) doom(at time.Time, err error) (ok bool, cause error) {
	d := dependency.Blamed(err)
	if d == nil || d.Spend() {
		return true, err
	}
	err = d.Held(err)
	b.failed(at, err)
	return false, err
}
