package burst_test

import (
	"testing"

	"go.uber.org/goleak"
)

// A burst leaves no connection and no worker behind.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}
