package process_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"floodgate.internal/backbone/lifecycle"
	"floodgate.internal/backbone/process"
	"floodgate.internal/backbone/rpc"
	"floodgate.internal/backbone/settings"
	"floodgate.internal/backbone/telemetry"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a process with a service that serves when it is told to.
type running struct {
	t           *testing.T
	http, gRPC  string
	serve, stop func()
	ended       chan error
}

func begin(t *testing.T) *running {
	t.Helper()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "vote", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	addrs := map[string]chan string{"HTTP": make(chan string, 1), "gRPC": make(chan string, 1)}
	var serves atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, serve: func() { serves.Store(true) }, stop: cancel, ended: make(chan error, 1)}
	go func() {
		r.ended <- process.Run(ctx, process.Listeners{
			GRPC: "127.0.0.1:0", Probe: "127.0.0.1:0", Taken: func(protocol string, a net.Addr) { addrs[protocol] <- a.String() },
		}, tel, func(p process.Parts) (lifecycle.Component, error) {
			if p.Telemetry != tel || p.RPC == nil || p.Introspect == nil {
				t.Errorf("lent %+v", p)
			}
			return lifecycle.Component{Name: "vote", Ready: func(context.Context) error {
				if !serves.Load() {
					return errors.New("waits")
				}
				return nil
			}}, nil
		})
	}()
	r.http, r.gRPC = "http://"+<-addrs["HTTP"], <-addrs["gRPC"]
	return r
}

// get answers a probe's code and text.
func (r *running) get(path string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.http+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// What probes, health and introspection say is the service's, from the start to
// the end of the process.
func TestAProcessTellsOfItsService(t *testing.T) {
	t.Parallel()
	r := begin(t)
	if code, body := r.get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "waits") && !strings.Contains(body, "is starting") {
		t.Errorf("before it serves: %d %s", code, body)
	}
	conn, err := rpc.Dial(r.gRPC, rpc.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	r.serve()
	awaitServing(t, conn)
	for code := 0; code != http.StatusOK; {
		code, _ = r.get("/readyz")
	}
	if code, body := r.get("/metrics"); code != http.StatusOK || !strings.Contains(body, "floodgate_build_info") {
		t.Errorf("metrics: %d %s", code, body)
	}
	told, err := opsv1.NewIntrospectionServiceClient(conn).Inspect(t.Context(), &opsv1.InspectRequest{})
	if err != nil || told.GetProcess().GetGoVersion() == "" {
		t.Errorf("introspection: %v, %v", told, err)
	}
	_ = conn.Close()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// awaitServing returns once the overall health is that of a ready process.
func awaitServing(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	health, err := healthv1.NewHealthClient(conn).Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		now, err := health.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if now.GetStatus() == healthv1.HealthCheckResponse_SERVING {
			return
		}
	}
}

func TestAServiceThatIsNotMadeRunsNothing(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "vote", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err = process.Run(t.Context(), process.Listeners{GRPC: "127.0.0.1:0", Probe: "127.0.0.1:0"}, tel,
		func(process.Parts) (lifecycle.Component, error) { return lifecycle.Component{}, broken })
	if !errors.Is(err, broken) {
		t.Errorf("ended with %v", err)
	}
}

func TestFlagsAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	f := process.Flags{ProbeAddr: ":80", Servers: settings.Servers{KafkaBrokers: []string{"127.0.0.1:9092"}}}
	var out, logged bytes.Buffer
	err := f.Serve(t.Context(), "0.0.0.0:9090", "1", &out, &logged, func(process.Parts) (lifecycle.Component, error) {
		t.Error("a service is made of wrong settings")
		return lifecycle.Component{}, nil
	})
	for _, want := range []string{"database-url", "grpc-addr", "probe-addr"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named: %v", want, err)
		}
	}
	f = process.Flags{ProbeAddr: "127.0.0.1:0", Servers: settings.Servers{KafkaBrokers: []string{"a:1"}, DatabaseURL: "sqlite:///a"}, Scale: "dev", KafkaReplication: 2}
	if err := f.Validate("127.0.0.1:9090"); err != nil {
		t.Error(err)
	}
	if k := f.Kafka(); len(k.Brokers) != 1 || k.Scale != "dev" || k.ReplicationFactor != 2 {
		t.Errorf("Kafka %+v", k)
	}
}
