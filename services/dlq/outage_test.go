package dlq_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/sqldb/sqldbtest"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
	"floodgate.internal/proto/topics"
)

// outage is a fault of the database that ingest meets, and its end.
type outage struct {
	in          *installation
	begin, over func()
	// says is in what an operator is told of the claims that wait.
	says string
	// reads: the database answers those who read, and may still keep what is
	// small.
	reads bool
}

// meet has letters arrive before a fault, during it and after it. Ingest waits
// meanwhile and says so, its offsets stay; in the end each letter is there, and
// counted once.
func (o outage) meet(t *testing.T, from, to int) {
	t.Helper()
	in, w := o.in, o.in.writers()
	i := in.start(nil)
	w.flood(topics.GroupVoteTally, from, from+100, poison())
	in.settled(i, "", from+100)
	in.eventually("the offsets are committed", func() bool { return maps.Equal(w.committed(), w.ends()) })
	before := w.committed()
	o.begin()
	w.flood(topics.GroupVoteTally, from+100, to, poison())
	in.eventually("ingest says why it waits", func() bool { return i.waits(t, "FAILURES_NOT_KEPT: ") && i.waits(t, o.says) })
	if !o.reads {
		// Whether a database that hangs has done it, nobody knows.
		_, err := i.Discard(t.Context(), &dlqv1.DiscardRequest{FailureId: uuid.NewString(), Reason: "x"})
		if code := status.Code(err); code != codes.Unavailable && code != codes.DeadlineExceeded {
			t.Errorf("a decision was answered %v", err)
		}
	}
	if !o.reads && len(i.ready.Missing(t.Context())) == 0 {
		t.Error("it is ready without its database")
	}
	if now := w.committed(); !o.reads && !maps.Equal(now, before) {
		t.Errorf("offsets moved from %v to %v while nothing could be kept", before, now)
	} else if passed := total(now); o.reads && passed > len(in.all(i, "")) {
		t.Errorf("%d letters were passed, and fewer are kept", passed)
	}
	o.over()
	in.settled(i, "attempts = 1", to)
	if all := in.all(i, ""); len(all) != to {
		t.Errorf("%d failures of %d", len(all), to)
	}
	in.eventually("ingest runs again", func() bool {
		return !i.waits(t, "") && len(i.ready.Missing(t.Context())) == 0 && maps.Equal(w.committed(), w.ends())
	})
	in.must(i.stop())
}

// waits answers whether a claim of dlq-ingest is in the state OUTAGE, for a reason
// that holds a text.
func (i *instance) waits(t testing.TB, text string) bool {
	for _, s := range i.inspected.Inspect(t.Context(), nil).GetServices() {
		for _, c := range s.GetClaims() {
			if c.GetGroup() == topics.GroupDLQIngest && c.GetState() == opsv1.ClaimState_OUTAGE && strings.Contains(c.GetError(), text) {
				return true
			}
		}
	}
	return false
}

// committed answers the offsets of dlq-ingest by partition.
func (w *writers) committed() map[int32]int64 {
	w.t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(w.client)
	w.must(err)
	partitions, err := w.client.Partitions(topics.DLQFailed)
	w.must(err)
	found, err := admin.ListConsumerGroupOffsets(topics.GroupDLQIngest, map[string][]int32{topics.DLQFailed: partitions})
	w.must(err)
	offsets := map[int32]int64{}
	for _, p := range partitions {
		if at := found.GetBlock(topics.DLQFailed, p).Offset; at > 0 {
			offsets[p] = at
		}
	}
	return offsets
}

func total(offsets map[int32]int64) (n int) {
	for _, at := range offsets {
		n += int(at)
	}
	return n
}

// ends answers where dlq.failed ends, by partition.
func (w *writers) ends() map[int32]int64 {
	w.t.Helper()
	partitions, err := w.client.Partitions(topics.DLQFailed)
	w.must(err)
	offsets := map[int32]int64{}
	for _, p := range partitions {
		at, err := w.client.GetOffset(topics.DLQFailed, p, sarama.OffsetNewest)
		w.must(err)
		if at > 0 {
			offsets[p] = at
		}
	}
	return offsets
}

// PostgreSQL is killed, and comes back on its data; then it hangs, and goes on.
func TestADatabaseThatIsAwayHoldsIngest(t *testing.T) {
	t.Parallel()
	if !strings.HasPrefix(os.Getenv(sqldbtest.URLVar), "postgres") {
		t.Skip("there is no PostgreSQL to take away")
	}
	in := newInstallation(t)
	if !strings.Contains(realServers(t, "env"), in.DatabaseURL) {
		t.Skipf("the database at %s is not one that %s can stop", in.DatabaseURL, realScript)
	}
	t.Cleanup(func() { realServers(t, "start", "postgres") })
	outage{
		in: in, begin: func() { realServers(t, "kill", "postgres") }, over: func() { realServers(t, "start", "postgres") },
	}.meet(t, 0, 1000)
	outage{
		in: in, begin: func() { realServers(t, "pause", "postgres") }, over: func() { realServers(t, "resume", "postgres") },
		says: "deadline exceeded",
	}.meet(t, 1000, 2000)
}

// realScript starts and stops the real servers; tests run in their own folder.
const realScript = "../../deploy/real/run"

func realServers(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(realScript, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", realScript, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// The file system with the database is full, and then made larger.
func TestAFullDiskHoldsIngest(t *testing.T) {
	t.Parallel()
	if os.Getenv(sqldbtest.URLVar) != "" {
		t.Skip("the disk is PostgreSQL's")
	}
	in := newInstallation(t)
	disk := newDisk(t, "2m")
	in.DatabaseURL = "sqlite://" + filepath.ToSlash(disk.dir) + "/"
	outage{
		in: in, begin: func() {}, over: func() { disk.resize("64m") }, says: "full", reads: true,
	}.meet(t, 0, 3000)
}

// disk is a file system of its own.
type disk struct {
	t   *testing.T
	dir string
}

// newDisk mounts a file system in memory; where that is not allowed, the test is
// skipped.
func newDisk(t *testing.T, size string) *disk {
	t.Helper()
	d := &disk{t: t, dir: t.TempDir()}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "floodgate-test", d.dir).CombinedOutput(); err != nil {
		t.Skipf("a file system of its own takes the right to mount one: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "--lazy", d.dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return d
}

func (d *disk) resize(size string) {
	d.t.Helper()
	if out, err := exec.Command("mount", "-o", "remount,size="+size, d.dir).CombinedOutput(); err != nil {
		d.t.Fatalf("%v: %s", err, out)
	}
}
