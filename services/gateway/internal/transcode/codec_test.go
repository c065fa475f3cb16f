package transcode

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway/internal/exchange"
)

// decode reads a body as the edge does.
func decode(data []byte, m proto.Message) (*exchange.Body, error) {
	body := &exchange.Body{Bytes: data}
	return body, newCodec().NewDecoder(body).Decode(m)
}

// FuzzDecode holds for every body that a stranger may send: decoding ends, it
// takes exactly what the proto3 mapping takes, and a refusal says something.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"pollId":"p","candidateId":"c","voterId":"v","voteId":"1"}`, `{"pollId":"p","pollId":"q"}`, `{"pollId":"","pollId":""}`,
		`{"voteId":"","voteId":"x"}`, `{"poll_id":"p"}`, `{"title":"t","window":"60s","candidates":[{"candidateId":7}]}`,
		`{"pollId":"a\u0062"}`, "{\"pollId\":\"\xff\"}", `{}`, `null`, ``, ` `, `[`, `{"a":{"b":[1,2,{}]}}`, `{"pollId":"p",}`, `{,}`, `{"pollId":"p"}x`,
		`{"votesPerVoter":"3"}`, `{"votesPerVoter":3.0}`, `{"opensAt":"2026-01-01T00:00:00Z"}`, `{"candidates":[null]}`, `{"title":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, m := range []proto.Message{&votev1.CastVoteRequest{}, &votev1.CreatePollRequest{}, &votev1.VoidVotesRequest{}} {
			want := m.ProtoReflect().New().Interface()
			wantErr := protojson.Unmarshal(data, want)
			body, err := decode(bytes.Clone(data), m)
			if errors.Is(err, io.EOF) && len(bytes.TrimSpace(data)) == 0 {
				continue
			}
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%q: %v, the proto3 mapping says %v", data, err, wantErr)
			}
			if err == nil && !proto.Equal(m, want) {
				t.Fatalf("%q: %s", data, cmp.Diff(want, m, protocmp.Transform()))
			}
			if err != nil && (body.RefusalError == nil || body.RefusalError.Message() == "") {
				t.Fatalf("%q: refused without a word", data)
			}
		}
	})
}

// FuzzAcceptedVote holds for every answer: it is what the proto3 mapping writes.
func FuzzAcceptedVote(f *testing.F) {
	f.Add("018f3a52", int64(1767225600), int32(123456789), int32(1), true, true)
	f.Add("a\"b", int64(-1), int32(1000), int32(0), false, false)
	f.Add("", int64(253402300800), int32(1e6), int32(1), false, true)
	f.Fuzz(func(t *testing.T, id string, seconds int64, nanos, state int32, spooled, timed bool) {
		m := &votev1.CastVoteResponse{VoteId: id, Status: votev1.CastVoteResponse_Status(state), Spooled: spooled}
		if timed {
			m.AcceptedAt = &timestamppb.Timestamp{Seconds: seconds, Nanos: nanos}
		}
		want, wantErr := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
		got, err := newCodec().Marshal(m)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, the proto3 mapping says %v", err, wantErr)
		}
		if err == nil && compact(t, got) != compact(t, want) {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

func compact(t *testing.T, body []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, body); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTimesHaveAsManyDigitsAsTheyNeed(t *testing.T) {
	t.Parallel()
	for nanos, want := range map[int64]string{
		0: "1970-01-01T00:00:00Z", 5e6: "1970-01-01T00:00:00.005Z", 5e3: "1970-01-01T00:00:00.000005Z", 5: "1970-01-01T00:00:00.000000005Z",
	} {
		if got := string(appendTime(nil, time.Unix(0, nanos).UTC())); got != want {
			t.Errorf("%d ns: %s, want %s", nanos, got, want)
		}
	}
}

func BenchmarkDecodeVote(b *testing.B) {
	data := []byte(`{"pollId":"the-final","candidateId":"candidate-7","voterId":"voter-0123456789","voteId":"018f3a52-7c1e-7b7a-9d3e-2f6b1c0a4e55"}`)
	codec := newCodec()
	for b.Loop() {
		if err := codec.read(data, &votev1.CastVoteRequest{}); err != nil {
			b.Fatal(err)
		}
	}
}
