package server

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

const voteCast = "floodgate.vote.v1.VoteCast"

// largeVote is an event of about so many bytes; its voter is sensitive.
func largeVote(t *testing.T, size int) []byte {
	t.Helper()
	b, err := proto.Marshal(&votev1.VoteCast{PollId: strings.Repeat("p", size), VoterId: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLargePayloadsAreBounded(t *testing.T) {
	t.Parallel()
	object := []byte(`{"a":"` + strings.Repeat("x", maxPayload) + `"}`)
	for name, c := range map[string]struct {
		eventType string
		value     []byte
		decoded   bool
		raw       int
	}{
		"bytes that nobody knows":            {"", bytes.Repeat([]byte{0xff}, 3*maxPayload), false, maxPayload},
		"an object":                          {"", []byte(`{"a":1}`), true, 0},
		"a large object":                     {"", object, false, maxPayload},
		"an event":                           {voteCast, largeVote(t, 100), true, 0},
		"a large event":                      {voteCast, largeVote(t, maxPayload+1), false, 0},
		"an event beyond all that is ours":   {voteCast, largeVote(t, 3*maxPayload), false, 0},
		"what is no event though it says so": {voteCast, []byte("value"), false, 5},
	} {
		decoded, raw := showPayload(c.eventType, c.value)
		if (decoded != nil) != c.decoded || len(raw) != c.raw || !bytes.HasPrefix(c.value, raw) {
			t.Errorf("%s: decoded %t, %d bytes", name, decoded != nil, len(raw))
		}
	}
}

// However large what was kept of a failure is, what is shown of it fits into one
// answer.
func TestAFailureIsShownInOneAnswer(t *testing.T) {
	t.Parallel()
	var headers []letter.Header
	for i := range 20 {
		value := bytes.Repeat([]byte("\u20ac"), 64<<10)
		if i%2 == 0 {
			value = bytes.Repeat([]byte{0xff}, 64<<10)
		}
		headers = append(headers, letter.Header{Key: fmt.Sprintf("x-%d", i), Value: value})
	}
	var history []redrive.Entry
	for i := range 1000 {
		history = append(history, redrive.Entry{At: int64(i), Action: redrive.ActionAnnotated, Actor: "anna", Detail: strings.Repeat("\u20ac", 4096)})
	}
	m := failureMessage(&letter.Failure{Message: strings.Repeat("m", letter.MaxMessage)})
	m.Headers, m.Stack, m.History = headerMessages(headers), strings.Repeat("s", 64<<10), historyMessages(history)
	_, m.PayloadRaw = showPayload("", bytes.Repeat([]byte{0xff}, 8<<20))
	if size := proto.Size(m); size > rpc.DefaultMaxSendBytes || len(m.GetPayloadRaw()) != maxPayload {
		t.Errorf("%d bytes, %d of the payload", size, len(m.GetPayloadRaw()))
	}
	// The newest entries are there, in their order.
	if n := len(m.GetHistory()); n < 50 || m.GetHistory()[n-1].GetAt().AsTime().UnixMicro() != 999 || m.GetHistory()[0].GetAt().AsTime().UnixMicro() != int64(1000-n) {
		t.Errorf("%d entries", n)
	}
	if len(m.GetHeaders()) < 3 || !bytes.Equal(m.GetHeaders()[0].GetRaw(), headers[0].Value) || m.GetHeaders()[1].GetText() != string(headers[1].Value) {
		t.Errorf("%d headers", len(m.GetHeaders()))
	}
	if i := slices.IndexFunc(m.GetHeaders(), func(h *dlqv1.Header) bool { return !utf8.ValidString(h.GetText()) }); i >= 0 {
		t.Errorf("header %d is cut through a character", i)
	}
}
