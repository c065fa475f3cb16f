package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
)

// pageSize is how many receipts a page has: the most that the API gives.
const pageSize = 10_000

// The bodies are the API's JSON, with the fields that a burst needs.
type (
	pollBody struct {
		PollID        string          `json:"pollId,omitempty"`
		Title         string          `json:"title,omitempty"`
		Candidates    []candidateBody `json:"candidates"`
		OpensAt       *time.Time      `json:"opensAt,omitempty"`
		VotesPerVoter int32           `json:"votesPerVoter,omitempty"`
		Window        string          `json:"window,omitempty"`
		State         string          `json:"state,omitempty"`
	}
	candidateBody struct {
		CandidateID string `json:"candidateId"`
		Name        string `json:"name,omitempty"`
	}
	// 64-bit integers come as strings and are read from numbers too, which
	// json.Number does.
	tallyBody struct {
		Counts []struct {
			CandidateID string      `json:"candidateId"`
			Count       json.Number `json:"count"`
		} `json:"counts"`
		Total      json.Number `json:"total"`
		Duplicates json.Number `json:"duplicates"`
		Rejected   json.Number `json:"rejected"`
		Voided     json.Number `json:"voided"`
		Lag        json.Number `json:"lag"`
	}
	listBody struct {
		Votes         []receiptBody `json:"votes"`
		NextPageToken string        `json:"nextPageToken"`
	}
	receiptBody struct {
		VoteID      string       `json:"voteId"`
		VoterID     string       `json:"voterId"`
		CandidateID string       `json:"candidateId"`
		Status      audit.Status `json:"status"`
		Reason      string       `json:"reason"`
		AcceptedAt  time.Time    `json:"acceptedAt"`
		Proof       *struct {
			Partition int32       `json:"partition"`
			Offset    json.Number `json:"offset"`
		} `json:"proof"`
	}
)

// number reads a 64-bit integer; what is absent is 0.
func number(n json.Number) int64 {
	v, _ := n.Int64()
	return v
}

func (b *pollBody) poll() (audit.Poll, error) {
	p := audit.Poll{ID: b.PollID, VotesPerVoter: int(b.VotesPerVoter)}
	for _, c := range b.Candidates {
		p.Candidates = append(p.Candidates, c.CandidateID)
	}
	if b.OpensAt != nil {
		p.OpensAt = *b.OpensAt
	}
	if b.Window != "" {
		// Proto3 JSON writes a duration as decimal seconds with the unit s.
		window, err := time.ParseDuration(b.Window)
		if err != nil || !strings.HasSuffix(b.Window, "s") {
			return p, fmt.Errorf("poll %s: window %q is not a duration", b.PollID, b.Window)
		}
		p.Window = window
	}
	return p, nil
}

func (b *tallyBody) tally() audit.Tally {
	t := audit.Tally{
		Total: number(b.Total), Duplicates: number(b.Duplicates), Rejected: number(b.Rejected),
		Voided: number(b.Voided), Lag: number(b.Lag),
	}
	for _, c := range b.Counts {
		t.Counts = append(t.Counts, audit.Count{CandidateID: c.CandidateID, Count: number(c.Count)})
	}
	return t
}

func (b *receiptBody) receipt() (audit.Receipt, error) {
	r := audit.Receipt{
		VoteID: b.VoteID, VoterID: b.VoterID, CandidateID: b.CandidateID,
		Status: b.Status, Reason: b.Reason, AcceptedAt: b.AcceptedAt,
	}
	if b.Proof != nil {
		r.Recorded, r.Partition = true, b.Proof.Partition
		if b.Proof.Offset != "" {
			offset, err := b.Proof.Offset.Int64()
			if err != nil {
				return r, fmt.Errorf("vote %s: offset %q: %w", b.VoteID, b.Proof.Offset, err)
			}
			r.Offset = offset
		}
	}
	return r, nil
}
