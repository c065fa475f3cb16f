package settings_test

import (
	"testing"

	"floodgate.internal/backbone/settings"
)

func TestOnlyLoopbackAddressesAreTaken(t *testing.T) {
	t.Parallel()
	for addr, ok := range map[string]bool{
		"127.0.0.1:0": true, "localhost:80": true, "[::1]:80": true, "127.8.8.8:80": true,
		"0.0.0.0:80": false, ":80": false, "10.0.0.1:80": false, "example.org:80": false, "127.0.0.1": false,
	} {
		if err := settings.Loopback("http-addr", addr); (err == nil) != ok {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
