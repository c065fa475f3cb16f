package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/services/gateway"
)

// agreeable is a connection that agrees to everything and has no streams.
type agreeable struct{}

func (agreeable) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return nil }

func (agreeable) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.NotFound, "no stream")
}

// FuzzRequest holds for every request that a stranger may send: it is answered
// in JSON with a trace id, and no fault of it is taken for one of ours.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET /api/v1/polls/p HTTP/1.1\r\nHost: x\r\n\r\n", "GET /api/v1/polls?pageSize=1&pageToken=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /api/v1/votes HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n{\"pollId\":\"p\"}", "GET /api/v1/polls/%2f:close HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /api/v1/polls/p/tally:watch HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /api/v1/polls/p:void HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"HEAD /readyz HTTP/1.1\r\nHost: x\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nGrpc-Timeout: 1x\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	g, err := gateway.New(gateway.DefaultConfig(), gateway.Dependencies{Vote: agreeable{}, Telemetry: newTelemetry(f, io.Discard)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return // net/http answers it
		}
		recorder := httptest.NewRecorder()
		g.Handler().ServeHTTP(recorder, request)
		if recorder.Code >= http.StatusInternalServerError {
			t.Errorf("%d %s", recorder.Code, recorder.Body)
		}
		if len(recorder.Header().Get("Trace-Id")) != 32 {
			t.Errorf("trace id %q", recorder.Header().Get("Trace-Id"))
		}
		if request.URL.Path != "/metrics" && recorder.Body.Len() > 0 && !json.Valid(recorder.Body.Bytes()) {
			t.Errorf("no JSON: %s", recorder.Body)
		}
	})
}
