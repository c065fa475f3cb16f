package requestreply

import (
	"errors"
	"fmt"

	"floodgate.internal/backbone/publish"
)

// What an error of Request may wrap. Each wraps either ErrUnknown or
// ErrUnavailable; what publish says of a record that can never be sent wraps
// neither.
var (
	// ErrUnknown says that the request may have been carried out, or may yet be.
	// It is not a failure: whoever asked reads the outcome from SQL, or says that
	// it is unknown.
	ErrUnknown = errors.New("the outcome is unknown")
	// ErrDeadline says that no reply came in time.
	ErrDeadline = fmt.Errorf("no reply came in time: %w", ErrUnknown)
	// ErrLapsed says that this instance had to give up its reply topic: read the
	// outcome from SQL, a reply no longer comes (SEMANTICS 17).
	ErrLapsed = fmt.Errorf("the reply topic was given up, read the outcome from SQL: %w", ErrUnknown)
	// ErrUndecodable says that a reply came and cannot be read.
	ErrUndecodable = fmt.Errorf("the reply cannot be read: %w", ErrUnknown)

	// ErrUnavailable says that the request is not in the log.
	ErrUnavailable = errors.New("the request was not sent")
	// ErrOverloaded says that too many requests wait for their reply already.
	ErrOverloaded = fmt.Errorf("too many requests wait for a reply: %w", ErrUnavailable)
	// ErrClosed says that this instance is stopping.
	ErrClosed = fmt.Errorf("the requester is closed: %w", ErrUnavailable)
)

// maybeSent answers whether a request that was not acknowledged may be in the
// log all the same; its reply is then waited for like any other.
func maybeSent(err error) bool { return errors.Is(err, publish.ErrIndefinite) }

// notSent says so of a request that is not in the log. One that can never be is
// answered as publish has it: trying again is of no use.
func notSent(err error) error {
	if !errors.Is(err, publish.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
