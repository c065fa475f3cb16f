//go:build unix

package embedded

import (
	"fmt"
	"syscall"
)

// ensureOpenFiles raises the soft RLIMIT_NOFILE to the hard one where it is
// below need, and fails where that is not enough.
func ensureOpenFiles(need uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("reading the open-file limit: %w", err)
	}
	// The fields are signed on some systems, hence the conversions.
	soft, hard := uint64(limit.Cur), uint64(limit.Max) //nolint:unconvert // not on all systems
	if soft >= need {
		return nil
	}
	if hard < need {
		return fmt.Errorf("%w: %d needed, %d allowed at most (ulimit -Hn); raise it with: ulimit -n %d",
			ErrOpenFiles, need, hard, need)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%w: raising it from %d to %d: %w", ErrOpenFiles, soft, hard, err)
	}
	return nil
}
