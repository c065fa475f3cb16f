package sqldb_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"floodgate.internal/backbone/sqldb"
)

// TestDatabaseThatIsAwayIsWaitedFor: nobody listens there. The wait is said in
// the log and ends with the context; the password shows in neither.
func TestDatabaseThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	said := &watch{after: 3, tell: cancel}
	_, err = sqldb.Open(ctx, "postgres://user:s3cret@"+addr+"/db?sslmode=disable", sqldb.Options{
		Schema: "vote", Log: slog.New(slog.NewTextHandler(said, nil)),
	})
	if !errors.Is(err, context.Canceled) || !sqldb.IsUnavailable(err) {
		t.Fatalf("got %v, want context.Canceled beside the last fault", err)
	}
	if !strings.Contains(said.text.String(), "waiting for the database") || !strings.Contains(said.text.String(), addr) {
		t.Errorf("the log does not say what is waited for:\n%s", said.text.String())
	}
	if strings.Contains(said.text.String()+err.Error(), "s3cret") {
		t.Errorf("the password shows in the log or in %v", err)
	}
}

// watch calls tell after a number of log lines.
type watch struct {
	mu    sync.Mutex
	text  bytes.Buffer
	after int
	tell  func()
}

func (w *watch) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.after--
	if w.after == 0 {
		w.tell()
	}
	return w.text.Write(line)
}

func TestFileThatIsNoDatabaseFailsAtOnce(t *testing.T) {
	t.Parallel()
	// A directory stands where the file should be.
	dir := filepath.ToSlash(t.TempDir())
	if _, err := sqldb.Open(t.Context(), "sqlite://"+dir, sqldb.Options{}); err == nil {
		t.Fatal("a directory was opened as a database")
	}
}

func TestDirectoryURLNamesTheFileByTheSchema(t *testing.T) {
	t.Parallel()
	dir := filepath.ToSlash(t.TempDir()) + "/a dir %?#/" // created, and not taken for a query
	escaped := strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23", " ", "%20").Replace(dir)
	db, err := sqldb.Open(t.Context(), "sqlite://"+escaped, sqldb.Options{Schema: "vote"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(strings.NewReplacer("?", "\\?").Replace(dir) + "vote.db"); len(found) != 1 {
		t.Errorf("no file vote.db in %s", dir)
	}
}
