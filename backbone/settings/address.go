package settings

import (
	"fmt"
	"net"
)

// Loopback refuses an address that others can reach: while nobody is asked who
// he is, nothing listens beyond this machine. name is the setting's.
func Loopback(name, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s is %q: must be a loopback address, as authentication is off", name, addr)
}
