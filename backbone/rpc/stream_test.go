package rpc_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

func TestStreamsAnswerAlikeBothWays(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rpc.ServerConfig{}, booth{
		watch: func(r *votev1.WatchTallyRequest, s grpc.ServerStreamingServer[votev1.Tally]) error {
			switch r.GetPollId() {
			case "panic":
				panic("secret")
			case "unknown":
				return errors.New("secret")
			}
			return s.Send(&votev1.Tally{PollId: r.GetPollId()})
		},
	})
	for poll, want := range map[string]codes.Code{
		"p": codes.OK, "a:b": codes.InvalidArgument, "panic": codes.Internal, "unknown": codes.Internal,
	} {
		for name, conn := range h.ways() {
			header, err := watch(t, conn, poll)
			if status.Code(err) != want || strings.Contains(status.Convert(err).Message(), "secret") {
				t.Errorf("%s %s: %v", name, poll, err)
			}
			if id := header.Get(rpc.TraceHeader); len(id) != 1 || len(id[0]) != 32 {
				t.Errorf("%s %s: trace id header %q", name, poll, id)
			}
		}
	}
}

// watch reads a stream to its end.
func watch(t *testing.T, conn grpc.ClientConnInterface, poll string) (metadata.MD, error) {
	t.Helper()
	stream, err := votev1.NewVoteServiceClient(conn).WatchTally(t.Context(), &votev1.WatchTallyRequest{PollId: poll})
	for err == nil {
		_, err = stream.Recv()
	}
	header, _ := stream.Header()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return header, err
}

func TestStreamsInProcessNeedNoTLS(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	certificate := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
	creds := credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13})
	h := newHouse(t, rpc.ServerConfig{Credentials: creds}, booth{
		watch: func(*votev1.WatchTallyRequest, grpc.ServerStreamingServer[votev1.Tally]) error { return nil },
	})
	if _, err := watch(t, h.local, "p"); err != nil {
		t.Error("in process:", err)
	}
	if _, err := votev1.NewVoteServiceClient(h.wire).GetPoll(t.Context(), &votev1.GetPollRequest{PollId: "p"}); status.Code(err) != codes.Unavailable {
		t.Error("in plain text over a socket:", err)
	}
}
