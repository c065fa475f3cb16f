package embedded

import "errors"

var (
	// ErrNotLoopback: the address asked for can be reached from other machines.
	ErrNotLoopback = errors.New("the embedded broker has no authentication and serves loopback addresses only")
	// ErrLocked: another process, or another broker of this one, has the data
	// directory.
	ErrLocked = errors.New("data directory is in use")
	// ErrOpenFiles: the process may not open as many files as the topics need.
	ErrOpenFiles = errors.New("open-file limit is too low")
)
