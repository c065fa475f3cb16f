package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Kind is what a kind of failure is told by, once its letter has been read.
type Kind struct {
	Service, Class string
	// Message is the error's text; what differs from record to record is
	// blanked.
	Message string
	// Stack is the error's stack as Go or a JVM prints it; empty without.
	Stack string
}

// KindVersion is the version of FingerprintOf.
const KindVersion = 2

// FingerprintOf names a kind of failure as the DLQ service groups them: "v2:"
// and 16 hex digits of the SHA-256 of service, class, the first frame of the
// service's own code and the normalised message. It does without the reason,
// which other frameworks' letters do not have, and with the frame, which tells
// two faults of one message apart. The version is raised whenever what is hashed
// changes; the DLQ service then classifies what it has anew.
func FingerprintOf(k Kind) string {
	sum := sha256.New()
	for _, part := range []string{k.Service, k.Class, OwnFrame(k.Stack), normalise(k.Message)} {
		sum.Write([]byte(part))
		sum.Write([]byte{0})
	}
	return fmt.Sprintf("v%d:%s", KindVersion, hex.EncodeToString(sum.Sum(nil)[:8]))
}

// OwnFrame answers the function of the first frame that is no runtime's, no
// framework's and no driver's, without its line, which moves with every build;
// "" where the stack has none.
func OwnFrame(stack string) string {
	for line := range strings.Lines(stack) {
		if name := frame(line); name != "" && !foreign(name) {
			return name
		}
	}
	return ""
}

// frame reads the function of a line of a Go stack ("main.f(0x1, 0x2)") or a
// Java one ("\tat com.example.A.f(A.java:12)"); "" where the line is none.
func frame(line string) string {
	line = strings.TrimSpace(line)
	if name, java := strings.CutPrefix(line, "at "); java {
		name, _, found := strings.Cut(name, "(")
		// Classes loaded from a module or an archive have its name before a slash.
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			name = name[i+1:]
		}
		return onlyIf(found, name)
	}
	open := strings.LastIndexByte(line, '(')
	if open <= 0 || !strings.HasSuffix(line, ")") {
		return ""
	}
	name := line[:open]
	return onlyIf(strings.Contains(name, ".") && !strings.ContainsAny(name, " \t:"), name)
}

func onlyIf(so bool, name string) string {
	if so {
		return name
	}
	return ""
}

// foreign says whether a function belongs to a runtime, a framework or a
// driver: a tree of the list, or Go's standard library.
func foreign(name string) bool {
	for _, tree := range []string{
		// Java
		"java.", "javax.", "jakarta.", "jdk.", "sun.", "com.sun.", "kotlin.", "kotlinx.", "scala.", "groovy.", "io.netty.",
		"reactor.", "org.springframework.", "org.apache.", "org.hibernate.", "com.fasterxml.", "com.zaxxer.", "org.postgresql.",
		"com.mysql.", "io.lettuce.", "redis.clients.",
		// Go
		"github.com/IBM/sarama", "github.com/twmb/", "github.com/jackc/", "github.com/redis/", "google.golang.org/", "golang.org/",
		"go.opentelemetry.io/", "modernc.org/", "floodgate.internal/backbone/",
	} {
		if strings.HasPrefix(name, tree) {
			return true
		}
	}
	return standard(name)
}

// standard says whether a function is of Go's standard library: "runtime.f",
// "net/http.f". A program's own main package and Java's packages are not.
func standard(name string) bool {
	for _, tree := range []string{
		"runtime", "panic", "reflect", "sync", "testing", "context", "net", "os", "io", "fmt", "errors", "bytes", "strings", "strconv",
		"time", "sort", "slices", "maps", "encoding", "database", "crypto", "internal", "syscall", "bufio", "log", "math", "unicode",
	} {
		if rest, found := strings.CutPrefix(name, tree); found && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "/") || rest == "") {
			return true
		}
	}
	return false
}
