package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"floodgate.internal/cmd/floodgate/burst/internal/audit"
)

// REST speaks to a gateway. Everything but the votes goes through net/http.
// Safe for concurrent use.
type REST struct {
	base    *url.URL
	addr    string // host and port to dial
	timeout time.Duration
	bare    bool
	client  *http.Client
}

// NewREST prepares for a gateway at an address such as http://127.0.0.1:8080;
// nothing is sent. timeout bounds each request. bare takes every 202 as the
// answer to its vote, for servers that answer the same to all.
func NewREST(target string, timeout time.Duration, bare bool) (*REST, error) {
	base, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("target: %q is not an address such as http://127.0.0.1:8080", target)
	}
	port := base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[base.Scheme]
	}
	return &REST{
		base: base, addr: net.JoinHostPort(base.Hostname(), port), timeout: timeout, bare: bare,
		client: &http.Client{Timeout: timeout},
	}, nil
}

// Close ends idle connections; casters close their own.
func (r *REST) Close() {
	r.client.CloseIdleConnections()
}

// CreatePoll opens a poll.
func (r *REST) CreatePoll(ctx context.Context, p audit.Poll, title string) (audit.Poll, error) {
	body := pollBody{PollID: p.ID, Title: title, VotesPerVoter: int32(p.VotesPerVoter)}
	for _, id := range p.Candidates {
		body.Candidates = append(body.Candidates, candidateBody{CandidateID: id, Name: id})
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return audit.Poll{}, fmt.Errorf("encoding the poll: %w", err)
	}
	var out pollBody
	if err := r.do(ctx, http.MethodPost, "/api/v1/polls", nil, encoded, &out); err != nil {
		return audit.Poll{}, fmt.Errorf("creating poll %s: %w", p.ID, err)
	}
	return out.poll()
}

// Poll reads a poll.
func (r *REST) Poll(ctx context.Context, id string) (audit.Poll, error) {
	var out pollBody
	if err := r.do(ctx, http.MethodGet, "/api/v1/polls/"+url.PathEscape(id), nil, nil, &out); err != nil {
		return audit.Poll{}, fmt.Errorf("reading poll %s: %w", id, err)
	}
	return out.poll()
}

// Tally reads the live count.
func (r *REST) Tally(ctx context.Context, pollID string) (audit.Tally, error) {
	var out tallyBody
	if err := r.do(ctx, http.MethodGet, "/api/v1/polls/"+url.PathEscape(pollID)+"/tally", nil, nil, &out); err != nil {
		return audit.Tally{}, fmt.Errorf("reading the tally of poll %s: %w", pollID, err)
	}
	return out.tally(), nil
}

// Decided says whether a vote has a receipt that says what became of it.
func (r *REST) Decided(ctx context.Context, pollID string, v Vote) (bool, error) {
	var out receiptBody
	path := "/api/v1/polls/" + url.PathEscape(pollID) + "/votes/" + url.PathEscape(string(v.VoteID))
	err := r.do(ctx, http.MethodGet, path, url.Values{"voterId": {string(v.VoterID)}}, nil, &out)
	var refused *Error
	if errors.As(err, &refused) && refused.Cause == strconv.Itoa(http.StatusNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the receipt of vote %s: %w", v.VoteID, err)
	}
	return out.Status != audit.Undecided, nil
}

// Receipts hands on every receipt of a poll, page by page.
func (r *REST) Receipts(ctx context.Context, pollID string, add func(audit.Receipt)) error {
	query := url.Values{"pageSize": {strconv.Itoa(pageSize)}}
	for {
		var page listBody
		if err := r.do(ctx, http.MethodGet, "/api/v1/polls/"+url.PathEscape(pollID)+"/votes", query, nil, &page); err != nil {
			return fmt.Errorf("listing the votes of poll %s: %w", pollID, err)
		}
		for i := range page.Votes {
			receipt, err := page.Votes[i].receipt()
			if err != nil {
				return err
			}
			add(receipt)
		}
		if page.NextPageToken == "" {
			return nil
		}
		query.Set("pageToken", page.NextPageToken)
	}
}

// do sends a request and reads the JSON of a 2xx answer.
func (r *REST) do(ctx context.Context, method, path string, query url.Values, body []byte, out any) error {
	u := r.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.client.Do(req)
	// Nothing here changes anything when it is done twice, a poll with its own
	// id included, so whatever did not reach the service may be tried again.
	if err != nil {
		return &Error{Cause: transportCause(err), Detail: err.Error(), Passing: ctx.Err() == nil}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxDetail))
		return &Error{Cause: strconv.Itoa(resp.StatusCode), Detail: string(text), Passing: verdictOf(resp.StatusCode) != Refused}
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return &Error{Cause: "unreadable answer", Detail: err.Error(), Passing: errors.Is(err, io.ErrUnexpectedEOF)}
	}
	return nil
}
