package embedded

import "errors"

var (
	// ErrNotLoopback says that other machines can reach the address asked for.
	ErrNotLoopback = errors.New("the embedded broker has no authentication and serves loopback addresses only")
	// ErrLocked says that another process, or another broker of this one, has
	// the data directory.
	ErrLocked = errors.New("data directory is in use")
	// ErrOpenFiles says that the process may not open as many files as the
	// topics need.
	ErrOpenFiles = errors.New("open-file limit is too low")
)
