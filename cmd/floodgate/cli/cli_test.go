package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/cmd/floodgate/burst/bursttest"
)

// call runs a command line and answers its exit code and what it wrote.
func call(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, streams{&o, &e})
	return code, o.String(), e.String()
}

// Every command explains itself, with an example where there is a choice.
func TestHelp(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"": "Commands:", "up": "Examples:", "lag": "Examples:", "inspect": "Example:", "burst": "Examples:", "version": "--output", "service": "Commands:",
		"service run": "Commands:", "service run vote": "FLOODGATE_", "service run gateway": "Example:",
		"service run dlq": "Examples:", "dlq": "Commands:", "dlq ls": "Examples:", "dlq show": "--output", "dlq discard": "--reason", "dlq audit": "Examples:",
	} {
		t.Run("floodgate "+command, func(t *testing.T) {
			t.Parallel()
			code, out, _ := call(t, append(strings.Fields(command), "--help")...)
			if code != 0 || !strings.Contains(out, want) {
				t.Errorf("exit %d, %q is missing in:\n%s", code, want, out)
			}
		})
	}
}

// What is called wrongly is told so, and is another exit code than a burst that
// found a difference.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"", "brust", "burst --protocol carrier-pigeon", "burst --rate fast", "burst --rate -1/s", "burst --rate NaN", "version -o yaml",
		"lag --interval 1ms", "lag --interval 2m", "lag -o yaml", "inspect --in-flight many",
		"dlq show", "dlq discard x", "dlq ls -o yaml", "dlq audit -n -1", "dlq audit --since -1h",
	} {
		t.Run("floodgate "+args, func(t *testing.T) {
			t.Parallel()
			if code, _, errOut := call(t, strings.Fields(args)...); code != exitUsage || errOut == "" {
				t.Errorf("exit %d, want %d; said %q", code, exitUsage, errOut)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	code, out, _ := call(t, "version", "-o", "json")
	var b introspect.Build
	if err := json.Unmarshal([]byte(out), &b); code != 0 || err != nil || b.Version == "" || b.Go == "" {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
}

// report is what a program reads of a burst.
type report struct {
	Accepted, Recorded, Counted, Duplicates int64
	Equal                                   bool
	DifferencesTotal                        int64
	Differences                             []struct{ Kind, VoteID, Detail string }
	LatencyMilliseconds                     struct{ P99 float64 }
}

func TestBurst(t *testing.T) {
	t.Parallel()
	target := bursttest.ServeREST(t, bursttest.New(bursttest.Settings{}), bursttest.Faults{})
	code, out, errOut := call(t, "burst", "--target", target, "--votes", "1000", "--concurrency", "16", "-o", "json")
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s%s", err, out, errOut)
	}
	if code != 0 || !r.Equal || r.Accepted != 1_000 || r.Counted+r.Duplicates != r.Recorded || r.LatencyMilliseconds.P99 <= 0 {
		t.Errorf("exit %d, %+v", code, r)
	}
	code, out, _ = call(t, "burst", "--target", target, "--votes", "500", "--rate", "5000/s")
	if code != 0 || !strings.Contains(out, "Equal:") || !strings.Contains(out, "open loop at 5000 per second") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

// A difference is listed and is exit code 1.
func TestBurstDiffers(t *testing.T) {
	t.Parallel()
	target := bursttest.ServeREST(t, bursttest.New(bursttest.Settings{CountTwiceEvery: 100}), bursttest.Faults{})
	args := []string{"burst", "--target", target, "--votes", "500", "--concurrency", "16", "--drain-timeout", "300ms"}
	code, out, _ := call(t, args...)
	if code != exitFailed || !strings.Contains(out, "DIFFERENCES") || !strings.Contains(out, "WRONG_TALLY") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	var r report
	code, out, _ = call(t, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &r); code != exitFailed || err != nil || r.Equal || len(r.Differences) == 0 {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
}

// Where nobody answers there is no verdict, which is a failure too.
func TestBurstNobody(t *testing.T) {
	t.Parallel()
	code, out, errOut := call(t, "burst", "--target", "http://127.0.0.1:1", "--votes", "10")
	if code != exitFailed || out != "" || !strings.Contains(errOut, "connection refused") {
		t.Errorf("exit %d, %q, %q", code, out, errOut)
	}
}

// With no target the burst runs on everything, started in this process.
func TestBurstOnItsOwn(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"rest", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			code, out, errOut := call(t, "burst", "--protocol", protocol, "--votes", "500", "--concurrency", "32", "-o", "json")
			var r report
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("%v: %s%s", err, out, errOut)
			}
			if code != 0 || !r.Equal || r.Accepted != 500 {
				t.Errorf("exit %d, %+v\n%s", code, r, errOut)
			}
		})
	}
}
