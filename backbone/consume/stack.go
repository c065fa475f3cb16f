package consume

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"
	"time"
)

const (
	// maxStackBytes bounds one stack as it is shown: about 60 frames. The top is
	// kept, which is where the handler hangs.
	maxStackBytes = 8 << 10
	// firstDumpBytes is enough for some hundred goroutines.
	firstDumpBytes = 256 << 10
	// maxDumpBytes bounds what is read of all goroutines: about 10,000 of them.
	maxDumpBytes = 8 << 20
	// dumpEvery is how long a dump serves the runaways that come after it, and is
	// kept. A dump stops the process for a moment, and an outage makes runaways by
	// the hundred.
	dumpEvery = time.Second
)

// goroutineNumber reads the calling goroutine's number from the first line of
// its stack, "goroutine 18 [running]:", which is the one place where Go tells
// it; 0 where that line should ever change. It costs a microsecond.
func goroutineNumber() int64 {
	var line [64]byte
	fields := bytes.Fields(line[:runtime.Stack(line[:], false)])
	if len(fields) < 2 {
		return 0
	}
	number, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// stacks finds the stack of one goroutine in a dump of all: Go cannot be asked
// for a single other one. Safe for concurrent use; the zero value is ready.
type stacks struct {
	mu   sync.Mutex
	at   time.Time
	dump []byte // nil once it has served
	size int    // what the last one took, and the next one is tried with
}

// of answers the stack of a goroutine whose work began at since; "" where it is
// not found, as it has ended or there are too many.
func (s *stacks) of(goroutine int64, since time.Time) string {
	if goroutine == 0 {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := now(); s.dump == nil || s.at.Before(since) || at.Sub(s.at) >= dumpEvery {
		if s.dump == nil {
			time.AfterFunc(dumpEvery, s.letGo)
		}
		s.dump, s.at = dumpAll(max(s.size, firstDumpBytes)), at
		s.size = cap(s.dump)
	}
	return stackIn(s.dump, goroutine)
}

// letGo drops a dump that has served: it has megabytes where there is much to
// show, and may be the last one for weeks.
func (s *stacks) letGo() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := dumpEvery - now().Sub(s.at); left > 0 {
		time.AfterFunc(left, s.letGo)
		return
	}
	s.dump = nil
}

// dumpAll reads the stacks of all goroutines into size bytes, or more where they
// do not suffice.
func dumpAll(size int) []byte {
	for ; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= maxDumpBytes {
			return buf[:n]
		}
	}
}

// stackIn cuts the goroutine out of a dump, whose stacks are parted by an empty
// line.
func stackIn(dump []byte, goroutine int64) string {
	head := append(strconv.AppendInt([]byte("goroutine "), goroutine, 10), ' ')
	for stack := range bytes.SplitSeq(dump, []byte("\n\n")) {
		if bytes.HasPrefix(stack, head) {
			return string(stack[:min(len(stack), maxStackBytes)])
		}
	}
	return ""
}
