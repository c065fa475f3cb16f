package server

import (
	"slices"
	"unicode/utf8"

	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Bounds of what an answer shows of one failure, in bytes: with a payload of
// maxPayload and a stack of 64 KiB they stay below what a message may have (4
// MiB), however large the record is that was kept.
const (
	// maxPayload is for a payload as it is shown: its first bytes where it cannot be
	// decoded; one that is larger decoded is not shown, as no part of it is JSON.
	maxPayload = 1 << 20
	maxHeaders = 512 << 10
	maxHistory = 1 << 20
)

// headerMessages shows headers as text where they are; of what is beyond
// maxHeaders the values are cut, and headers left out of which not even the name
// fits.
func headerMessages(headers []letter.Header) []*dlqv1.Header {
	out := make([]*dlqv1.Header, 0, len(headers))
	room := maxHeaders
	for _, h := range headers {
		m := &dlqv1.Header{Key: letter.Text(h.Key, len(h.Key)*3)}
		if room -= len(m.GetKey()); room < 0 {
			break
		}
		if utf8.Valid(h.Value) {
			m.Text = letter.Text(string(h.Value), room)
		} else {
			m.Raw = h.Value[:min(len(h.Value), room)]
		}
		room -= len(m.GetText()) + len(m.GetRaw())
		out = append(out, m)
	}
	return out
}

// historyMessages shows the newest entries, oldest first, up to maxHistory.
func historyMessages(history []redrive.Entry) []*dlqv1.HistoryEntry {
	var out []*dlqv1.HistoryEntry
	room := maxHistory
	for _, e := range slices.Backward(history) {
		if room -= entryBytes(e); room < 0 {
			break
		}
		out = append(out, entryMessage(e))
	}
	slices.Reverse(out)
	return out
}

// entryBytes is about what an entry takes in a message.
func entryBytes(e redrive.Entry) int {
	return len(e.Action) + len(e.Actor) + len(e.Detail) + len(e.Replay) + 32
}
