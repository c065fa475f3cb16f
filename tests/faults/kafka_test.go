package faults_test

import (
	"os"
	"testing"

	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/embedded/servertest"
)

// kafka is a broker that can be taken away. What it has acknowledged outlives
// each of these.
type kafka interface {
	addrs() []string
	// stop ends it in good order, kill at once; start brings it back on its data.
	stop()
	kill()
	start()
	// pause freezes it (SIGSTOP): it accepts connections and says nothing.
	pause()
	resume()
}

// newKafka answers a broker that is this test's alone: an embedded one in a
// process of its own, or the real one that the environment names, which ends as
// it was.
func newKafka(t *testing.T) kafka {
	t.Helper()
	if os.Getenv(embeddedtest.BrokersVar) == "" {
		return newEmbeddedKafka(t, "")
	}
	return newRealKafka(t, "")
}

// newProxiedKafka is newKafka behind a proxy that spoils its connections.
func newProxiedKafka(t *testing.T) (kafka, *faultyProxy) {
	t.Helper()
	if os.Getenv(embeddedtest.BrokersVar) == "" {
		address := freeAddress(t)
		proxy := newFaultyProxy(t, address)
		return &proxied{newEmbeddedKafkaAt(t, address, proxy.addr()), proxy}, proxy
	}
	servers := servertest.Fresh(t)
	proxy := newFaultyProxy(t, servers.Brokers[0])
	return &proxied{newRealKafka(t, proxy.addr()), proxy}, proxy
}

// proxied is a broker that is reached through its proxy alone.
type proxied struct {
	kafka
	proxy *faultyProxy
}

func (p *proxied) addrs() []string { return []string{p.proxy.addr()} }
