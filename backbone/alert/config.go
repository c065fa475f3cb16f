package alert

import (
	"errors"
	"fmt"
)

// Validate answers every fault at once, or nil.
func (c Config) Validate() error {
	var faults []error
	if c.Service == "" {
		faults = append(faults, errors.New("alert service: empty, want the service's name"))
	}
	if c.Every < 0 {
		faults = append(faults, fmt.Errorf("alert interval %s: below 0", c.Every))
	}
	if c.Patience < 0 {
		faults = append(faults, fmt.Errorf("alert patience %s: below 0", c.Patience))
	}
	return errors.Join(faults...)
}
