//go:build unix

package sqldb_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/backbone/sqldb/sqldbtest"
)

// helperVar turns the test binary into a process that commits until it is
// killed; it holds the URL and the schema.
const helperVar = "FLOODGATE_SQLDB_TEST_HELPER"

// TestHelper is no test: it is what TestKillLosesNothingCommitted starts.
//
//nolint:paralleltest // alone in its process
func TestHelper(t *testing.T) {
	url, schema, ok := strings.Cut(os.Getenv(helperVar), " ")
	if !ok {
		t.Skip("runs in a process of its own only")
	}
	db := sqldbtest.Reopen(t, url, sqldb.Options{Schema: schema})
	for i := 0; ; i++ {
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			_, err := sqldb.BulkInsert(t.Context(), tx, "votes", columns(), rows(10*i, 10))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("committed", 10*(i+1))
	}
}

// TestKillLosesNothingCommitted kills a process in the middle of its commits.
// The next one finds every committed row and no half of a transaction.
func TestKillLosesNothingCommitted(t *testing.T) {
	t.Parallel()
	url, options := sqldbtest.Fresh(t)
	db := sqldbtest.Reopen(t, url, options)
	if err := db.Migrate(t.Context(), votes()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	said := commitUntilKilled(t, url+" "+options.Schema)

	db = sqldbtest.Reopen(t, url, options)
	got := number(t, db, "SELECT count(*) FROM votes")
	if got < said || got%10 != 0 {
		t.Errorf("%d rows after the kill, %d were committed, ten at a time", got, said)
	}
}

// commitUntilKilled answers the highest number of rows that the process said
// it had committed.
func commitUntilKilled(t *testing.T, env string) (said int64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelper$")
	cmd.Env = append(os.Environ(), helperVar+"="+env)
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "committed ")
		if !ok {
			continue
		}
		if said, err = strconv.ParseInt(text, 10, 64); err != nil {
			break // the kill cut the line
		}
		if said == 500 {
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed: its status says nothing
	if said < 500 {
		t.Fatalf("the helper process ended after %d rows", said)
	}
	return said
}
