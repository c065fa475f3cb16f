package echo

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"
)

// vote is the body of POST /api/v1/votes, answer that of its answer.
type vote struct {
	PollID      string `json:"pollId"`
	CandidateID string `json:"candidateId"`
	VoterID     string `json:"voterId"`
	VoteID      string `json:"voteId"`
}

type answer struct {
	VoteID     string    `json:"voteId"`
	Status     string    `json:"status"`
	AcceptedAt time.Time `json:"acceptedAt"`
	Spooled    bool      `json:"spooled"`
}

// REST is the child with a bare net/http server: decode by encoding/json,
// answer the same JSON as the edge, all defaults.
func REST(ctx context.Context, _ json.RawMessage, ready func(any)) error {
	var config net.ListenConfig
	lis, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/votes", castVote)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	ready(Address{lis.Addr().String()})
	if err := s.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func castVote(w http.ResponseWriter, r *http.Request) {
	var v vote
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	// Who went away reads no error either.
	_ = json.NewEncoder(w).Encode(answer{VoteID: v.VoteID, Status: "ACCEPTED", AcceptedAt: time.Now().UTC()})
}
