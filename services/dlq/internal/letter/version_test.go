package letter_test

import (
	"testing"

	"floodgate.internal/services/dlq/internal/letter"
)

func TestTheVersionStandsInFrontOfAFingerprint(t *testing.T) {
	t.Parallel()
	for fingerprint, want := range map[string]int{
		"v2:2c765235b3d8769f": 2, "v10:2c765235b3d8769f": 10, "v2:": 2, "v2": 0, "2:ab": 0, "": 0, ":": 0, "v-1:ab": 0, "vx:ab": 0,
		"v99999999999:ab": 0, "vv2:ab": 0,
	} {
		if got := letter.Version(fingerprint); got != want {
			t.Errorf("%q is of version %d, want %d", fingerprint, got, want)
		}
	}
}
