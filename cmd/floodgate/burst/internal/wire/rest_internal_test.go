package wire

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
)

// The request is what the API reads, whatever the ids.
func TestAppendVote(t *testing.T) {
	t.Parallel()
	v := &Vote{PollID: "p", CandidateID: "A.z_0~@-", VoterID: []byte("voter"), VoteID: []byte("vote")}
	var got map[string]string
	if err := json.Unmarshal(appendVote(nil, v), &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"pollId": "p", "candidateId": "A.z_0~@-", "voterId": "voter", "voteId": "vote"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// An answer is its vote's own where it holds the whole id as a string.
func TestNames(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"voteId":"abc"}`: true, `{"voteId": "abc", "status":"ACCEPTED"}`: true,
		`{"voteId":"abcd"}`: false, `{"voteId":"xabc"}`: false, `{}`: false, ``: false, `abc`: false, `"abc`: false,
	} {
		if got := names([]byte(body), []byte("abc")); got != want {
			t.Errorf("%s: %t, want %t", body, got, want)
		}
	}
}

// Only what is final is taken for final.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]Verdict{
		200: Indefinite, 201: Indefinite, 302: Indefinite, 400: Refused, 401: Refused, 404: Refused, 408: Indefinite,
		409: Refused, 413: Refused, 429: Throttled, 500: Indefinite, 502: Indefinite, 503: Indefinite, 504: Indefinite,
	} {
		if got := verdictOf(status); got != want {
			t.Errorf("%d %s: %d, want %d", status, http.StatusText(status), got, want)
		}
	}
	for code, want := range map[codes.Code]Verdict{
		codes.Unavailable: Indefinite, codes.DeadlineExceeded: Indefinite, codes.Internal: Indefinite, codes.Unknown: Indefinite,
		codes.Canceled: Indefinite, codes.Aborted: Indefinite, codes.ResourceExhausted: Throttled,
		codes.InvalidArgument: Refused, codes.NotFound: Refused, codes.FailedPrecondition: Refused,
	} {
		if got := verdictOfCode(code); got != want {
			t.Errorf("%s: %d, want %d", code, got, want)
		}
	}
}

func TestCodeName(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]string{
		codes.OK: "OK", codes.Unavailable: "UNAVAILABLE", codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.DataLoss: "DATA_LOSS",
	} {
		if got := codeName(code); got != want {
			t.Errorf("%d: %s, want %s", code, got, want)
		}
	}
}

// 64-bit integers come as strings; numbers are read too.
func TestReceiptBody(t *testing.T) {
	t.Parallel()
	want := audit.Receipt{
		VoteID: "v", VoterID: "u", CandidateID: "c", Status: audit.Rejected, Reason: "POLL_CLOSED",
		AcceptedAt: time.Date(2026, 11, 21, 9, 0, 0, 5_000_000, time.UTC), Recorded: true, Partition: 7, Offset: 9_007_199_254_740_993,
	}
	for _, offset := range []string{`"9007199254740993"`, `9007199254740993`} {
		text := `{"voteId":"v","pollId":"p","voterId":"u","candidateId":"c","status":"REJECTED","reason":"POLL_CLOSED",
			"acceptedAt":"2026-11-21T09:00:00.005Z","proof":{"topic":"vote.cast","partition":7,"offset":` + offset + `}}`
		var b receiptBody
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			t.Fatal(err)
		}
		if got, err := b.receipt(); err != nil || got != want {
			t.Errorf("%v: %+v, want %+v", err, got, want)
		}
	}
	var b receiptBody
	if err := json.Unmarshal([]byte(`{"voteId":"v","proof":{"offset":"1.5"}}`), &b); err != nil {
		t.Fatal(err)
	}
	if _, err := b.receipt(); err == nil {
		t.Error("half an offset was read")
	}
}

func TestPollBody(t *testing.T) {
	t.Parallel()
	for window, want := range map[string]time.Duration{"": 0, "60s": time.Minute, "0.5s": time.Second / 2, "1h": -1, "x": -1} {
		b := pollBody{PollID: "p", Window: window}
		p, err := b.poll()
		if want < 0 && err == nil || want >= 0 && (err != nil || p.Window != want) {
			t.Errorf("window %q: %s, %v", window, p.Window, err)
		}
	}
}

func TestNewREST(t *testing.T) {
	t.Parallel()
	for target, addr := range map[string]string{
		"http://127.0.0.1:8080": "127.0.0.1:8080", "http://localhost": "localhost:80", "https://[::1]/base": "[::1]:443",
		"127.0.0.1:8080": "", "ftp://x": "", "http://": "", "": "",
	} {
		r, err := NewREST(target, time.Second, false)
		if addr == "" && err == nil || addr != "" && (err != nil || r.addr != addr) {
			t.Errorf("%q: %v, %v", target, r, err)
		}
	}
}

// No page of receipts, however wrong, does more than be refused.
func FuzzListBody(f *testing.F) {
	f.Add([]byte(`{"votes":[{"voteId":"v","status":"COUNTED","acceptedAt":"2026-11-21T09:00:00Z","proof":{"partition":1,"offset":"2"}}],"nextPageToken":"t"}`))
	f.Add([]byte(`{"votes":[{"proof":{"offset":-1}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var b listBody
		if json.Unmarshal(text, &b) != nil {
			return
		}
		for i := range b.Votes {
			if r, err := b.Votes[i].receipt(); err == nil && r.VoteID != b.Votes[i].VoteID {
				t.Errorf("%+v", r)
			}
		}
	})
}
