package letter

import (
	"strconv"
	"strings"
)

// Version answers the version of a fingerprint, which stands in front of it:
// 2 of "v2:2c765235b3d8769f". It is 0 where there is none, so that what nobody
// knows is older than all that is known.
func Version(fingerprint string) int {
	number, _, found := strings.Cut(strings.TrimPrefix(fingerprint, "v"), ":")
	if !found || !strings.HasPrefix(fingerprint, "v") {
		return 0
	}
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}
