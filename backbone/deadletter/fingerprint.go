package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// Fingerprint names a kind of failure, so that ten thousand letters of one
// fault are one group to an operator: "v1:" and 16 hex digits of the SHA-256 of
// service, class, reason and the message without what differs from record to
// record. The version is raised whenever the normalising changes; letters of
// two versions never share a group by accident.
func Fingerprint(service, class, reason, message string) string {
	sum := sha256.New()
	for _, part := range []string{service, class, reason, normalise(message)} {
		sum.Write([]byte(part))
		sum.Write([]byte{0})
	}
	return "v1:" + hex.EncodeToString(sum.Sum(nil)[:8])
}

// What differs from record to record in a message. They are constants that Go
// cannot compile before the start: compiled per call, they took a seventh of the
// processor time of the service that keeps a flood of failures.
var (
	quoted       = regexp.MustCompile(`"[^"]*"|'[^']*'|` + "`[^`]*`")
	uuids        = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)
	hexadecimals = regexp.MustCompile(`\b[0-9a-fA-F]{12,}\b`)
	decimals     = regexp.MustCompile(`\d+`)
)

// normalise keeps the first line (a stack names lines that move with every
// build) and blanks quoted text, ids and numbers.
func normalise(message string) string {
	line, _, _ := strings.Cut(message, "\n")
	line = Cut(line, 1<<10)
	for _, p := range []*regexp.Regexp{quoted, uuids, hexadecimals, decimals} {
		line = p.ReplaceAllString(line, "?")
	}
	return strings.Join(strings.Fields(strings.ToLower(line)), " ")
}
