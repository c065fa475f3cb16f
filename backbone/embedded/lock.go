package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// dirLock is the claim of one broker on a data directory. The kernel drops it
// with the process, however that ends, so no stale lock is ever left. A nil
// *dirLock, that of a broker in memory, may be released too.
type dirLock struct{ file *flock.Flock }

// lockDir creates dir where it is missing and claims it. Who holds it is
// written to a second file: where locks are mandatory, the locked one cannot
// be read by the process that wants to know.
func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the data directory: %w", err)
	}
	file := flock.New(filepath.Join(dir, "LOCK"))
	got, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	holder := filepath.Join(dir, "PID")
	if !got {
		return nil, fmt.Errorf("%w: %s is held by process %s", ErrLocked, dir, readPID(holder))
	}
	if err := os.WriteFile(holder, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("noting the owner of the data directory: %w", err), file.Unlock())
	}
	return &dirLock{file: file}, nil
}

func (l *dirLock) release() error {
	if l == nil {
		return nil
	}
	if err := l.file.Unlock(); err != nil {
		return fmt.Errorf("unlocking the data directory: %w", err)
	}
	return nil
}

// readPID answers "unknown" in the instant between another's lock and its note.
func readPID(path string) string {
	text, err := os.ReadFile(path)
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return pid
	}
	return "unknown"
}
