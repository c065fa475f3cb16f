package introspect_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/rpc"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
)

// house serves a registry until the test ends.
type house struct {
	*introspect.Registry
	server *rpc.Server
	wire   opsv1.IntrospectionServiceClient
	local  opsv1.IntrospectionServiceClient
}

func newHouse(t *testing.T) house {
	t.Helper()
	server, err := rpc.NewServer(rpc.ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	r := introspect.New(introspect.ReadBuild())
	r.Register(server)
	lis, err := net.Listen("tcp", "127.0.0.1:0") // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(lis) }()
	wire, err := rpc.Dial(lis.Addr().String(), rpc.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	local := server.Local()
	t.Cleanup(func() {
		_, _ = local.Close(), wire.Close()
		if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error("Stop:", err)
		}
		if err := <-served; err != nil {
			t.Error("Serve:", err)
		}
	})
	return house{r, server, opsv1.NewIntrospectionServiceClient(wire), opsv1.NewIntrospectionServiceClient(local)}
}

func (h house) ways() map[string]opsv1.IntrospectionServiceClient {
	return map[string]opsv1.IntrospectionServiceClient{"wire": h.wire, "local": h.local}
}

func TestBadRequestsNameTheField(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const settings = opsv1.InspectRequest_SETTINGS
	for field, req := range map[string]*opsv1.InspectRequest{
		"services[0]": {Services: []string{"a b"}},
		"services":    {Services: []string{"vote", "vote"}},
		"sections[0]": {Sections: []opsv1.InspectRequest_Section{0}},
		"sections[1]": {Sections: []opsv1.InspectRequest_Section{settings, 99}},
		"sections":    {Sections: []opsv1.InspectRequest_Section{settings, settings}},
		"maxInFlight": {MaxInFlight: proto.Int32(0)},
	} {
		for way, client := range h.ways() {
			_, err := client.Inspect(t.Context(), req)
			if v := rpc.FieldViolations(err); status.Code(err) != codes.InvalidArgument || len(v) != 1 || v[0].GetField() != field {
				t.Errorf("%s over %s: %v", field, way, err)
			}
		}
	}
	for field, req := range map[string]*opsv1.WatchRequest{
		"interval":            {Interval: durationpb.New(99 * time.Millisecond)},
		"inspect.maxInFlight": {Inspect: &opsv1.InspectRequest{MaxInFlight: proto.Int32(1001)}},
	} {
		for way, client := range h.ways() {
			stream, err := client.Watch(t.Context(), req)
			if err == nil {
				_, err = stream.Recv()
			}
			if v := rpc.FieldViolations(err); status.Code(err) != codes.InvalidArgument || len(v) != 1 || v[0].GetField() != field {
				t.Errorf("%s over %s: %v", field, way, err)
			}
		}
	}
	stream, err := h.wire.Watch(t.Context(), &opsv1.WatchRequest{Interval: durationpb.New(61 * time.Second)})
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("an interval of 61 s: %v", err)
	}
}

// A watch sends anew in every interval, and ends when the server stops.
func TestWatchesFollowAndEndAtTheStop(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var n atomic.Int64
	h.Add("vote", introspect.Spools("spool", func(context.Context) ([]introspect.Spool, error) {
		return []introspect.Spool{{Topic: "vote.cast", Records: n.Add(1)}}, nil
	}))
	var streams []grpc.ServerStreamingClient[opsv1.InspectResponse]
	for way, client := range h.ways() {
		stream, err := client.Watch(t.Context(), &opsv1.WatchRequest{Interval: durationpb.New(100 * time.Millisecond)})
		if err != nil {
			t.Fatal(way, err)
		}
		last := int64(0)
		for answers := 0; answers < 3; {
			res, err := stream.Recv()
			if err != nil {
				t.Fatal(way, err)
			}
			for _, spool := range res.GetServices()[0].GetSpools() { // none where the machine is too busy
				if spool.GetRecords() <= last {
					t.Errorf("over %s: %d after %d", way, spool.GetRecords(), last)
				}
				last = spool.GetRecords()
				answers++
			}
		}
		streams = append(streams, stream)
	}
	if err := h.server.Stop(t.Context()); err != nil {
		t.Error("Stop:", err)
	}
	for _, stream := range streams {
		var err error
		for err == nil { // what was sent before may still come
			_, err = stream.Recv()
		}
		if rpc.Reason(err) != rpc.ReasonStopping {
			t.Error("the watch ended in", err)
		}
	}
}

// Watches are for people: the seventeenth is refused, until another ends.
func TestTooManyWatchesAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begin := func() (context.CancelFunc, error) {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := h.wire.Watch(ctx, &opsv1.WatchRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		return cancel, err
	}
	var ends []context.CancelFunc
	for range 16 {
		end, err := begin()
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	end, err := begin()
	end()
	if status.Code(err) != codes.ResourceExhausted || rpc.Reason(err) != introspect.ReasonTooManyWatches {
		t.Errorf("the seventeenth: %v", err)
	}
	ends[0]()
	for { // until its end has reached the server
		end, err := begin()
		ends = append(ends, end)
		if err == nil {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	for _, end := range ends {
		end()
	}
}
