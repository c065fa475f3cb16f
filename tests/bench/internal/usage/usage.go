// Package usage tells what a process has used of the machine, and runs a side
// of a comparison in a process of its own, so that its numbers are its own.
package usage

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what the process has used since it began.
type Usage struct {
	// CPU is processor time, user and system, over all cores.
	CPU time.Duration
	// PeakBytes is the largest resident set so far; 0 where the system does not
	// tell.
	PeakBytes int64
}

// Self answers the usage of this process.
func Self() Usage {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}
	}
	return Usage{
		CPU:       time.Duration(r.Utime.Nano() + r.Stime.Nano()),
		PeakBytes: peak("self"),
	}
}

// Peak answers the largest resident set of another process so far, in bytes.
func Peak(pid int) int64 { return peak(strconv.Itoa(pid)) }

// peak reads VmHWM, which Linux counts in KiB. A child inherits its parent's
// ru_maxrss over fork, so getrusage would tell of the wrong process.
func peak(process string) int64 {
	status, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if text, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, _ := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}
