// Package failure sorts errors by what may be done about them. A handler says
// it once, where it knows; the consume runtime, the dead letter and the DLQ
// service read it from there.
package failure

import (
	"context"
	"errors"
)

// Class is what may be done about an error. The zero value is Retryable: an
// error nobody classified is tried again, within the budget.
type Class int

// The classes.
const (
	// Retryable may pass by itself: tried again with backoff, then the dead
	// letter.
	Retryable Class = iota
	// Permanent fails alike however often it is tried: the dead letter at once.
	Permanent
	// Undecodable is a record that cannot be read: the dead letter at once.
	Undecodable
	// Outage says that a dependency is away and nothing is wrong with the
	// record: tried again without a limit, the partition waiting.
	Outage
	// Held says that the record was not handled, as an earlier one of its key
	// is dead-lettered: the dead letter at once, to be replayed behind that one
	// (SEMANTICS 14). The consume runtime finds it; handlers do not answer it.
	Held
)

// String is the class's name in headers, metrics and API answers.
func (c Class) String() string {
	switch c {
	case Permanent:
		return "PERMANENT"
	case Undecodable:
		return "UNDECODABLE"
	case Outage:
		return "OUTAGE"
	case Held:
		return "HELD"
	default:
		return "RETRYABLE"
	}
}

// Error is an error with its class and a reason: a short upper-case word that
// groups failures of one kind.
type Error struct {
	Class  Class
	Reason string
	Err    error
}

// Error answers the wrapped error's text.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap answers the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// As marks err with a class and a reason; nil stays nil.
func As(class Class, reason string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Class: class, Reason: reason, Err: err}
}

// ClassOf answers the class of the outermost Error in err's chain; Retryable
// where there is none.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Retryable
}

// ReasonOf answers the reason of the outermost Error in err's chain;
// DEADLINE_EXCEEDED or UNCLASSIFIED where there is none.
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Reason != "" {
		return e.Reason
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "DEADLINE_EXCEEDED"
	}
	return "UNCLASSIFIED"
}
