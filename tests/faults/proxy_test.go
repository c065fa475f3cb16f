package faults_test

import (
	"context"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// faultyProxy stands in front of a broker, which has to advertise it: clients
// follow the address that they are told.
type faultyProxy struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

func newFaultyProxy(t *testing.T, upstream string) *faultyProxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &faultyProxy{t: t, proxy: toxiproxy.NewProxy(server, "kafka", "127.0.0.1:0", upstream)}
	must(t, p.proxy.Start())
	t.Cleanup(p.proxy.Stop)
	return p
}

func (p *faultyProxy) addr() string { return p.proxy.Listen }

// cut resets every connection as soon as anything passes, new ones too.
func (p *faultyProxy) cut() {
	p.add(`{"name": "cut", "type": "reset_peer", "stream": "downstream", "attributes": {"timeout": 0}}`)
}

// delay makes every answer late, by 100 to 500 ms.
func (p *faultyProxy) delay() {
	p.add(`{"name": "delay", "type": "latency", "stream": "downstream", "attributes": {"latency": 300, "jitter": 200}}`)
}

func (p *faultyProxy) add(toxic string) {
	p.t.Helper()
	_, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
	must(p.t, err)
}

// mend lets everything pass again.
func (p *faultyProxy) mend() { p.proxy.Toxics.ResetToxics(context.WithoutCancel(p.t.Context())) }
