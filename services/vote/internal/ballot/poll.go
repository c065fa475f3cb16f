package ballot

import (
	"errors"
	"time"
)

// Errors of a poll that does not take a vote now.
var (
	ErrPollClosed       = errors.New("the poll is closed")
	ErrPollNotOpen      = errors.New("the poll is not open yet")
	ErrUnknownCandidate = errors.New("the poll has no such candidate")
)

// Candidate is one choice.
type Candidate struct {
	ID, Name, ImageURL string
}

// Poll is a poll's content. Candidates never change once it is created.
type Poll struct {
	ID, Title  string
	Candidates []Candidate
	// Times are Unix microseconds, whole milliseconds as the log has them;
	// ClosesAt is 0 while no end is known.
	OpensAt, ClosesAt, CreatedAt int64
	// VotesPerVoter counts within a window; at least 1.
	VotesPerVoter int
	// Window is the length of a window; 0: the whole poll is one.
	Window time.Duration
}

// Closed says whether the poll refuses votes at that time (Unix microseconds).
func (p *Poll) Closed(at int64) bool {
	return p.ClosesAt != 0 && at >= p.ClosesAt
}

// Accepts says whether a vote for that candidate is taken at that time; the
// errors are ErrUnknownCandidate, ErrPollNotOpen and ErrPollClosed.
func (p *Poll) Accepts(candidate string, at int64) error {
	switch {
	case p.CandidateIndex(candidate) < 0:
		return ErrUnknownCandidate
	case p.Closed(at):
		return ErrPollClosed
	case p.OpensLater() && at < p.OpensAt:
		return ErrPollNotOpen
	}
	return nil
}

// OpensLater says whether the poll waited for its opening once it was created.
// One that did not refuses nothing as too early: no vote can be older than the
// poll, and the log's clock may be a little behind the one that made it.
func (p *Poll) OpensLater() bool { return p.OpensAt > p.CreatedAt }

// CandidateIndex answers the place of a candidate, -1 where there is none.
func (p *Poll) CandidateIndex(id string) int {
	for i := range p.Candidates {
		if p.Candidates[i].ID == id {
			return i
		}
	}
	return -1
}

// WindowOf answers the number of the window that a valid vote falls into.
func (p *Poll) WindowOf(acceptedAt int64) int64 {
	if p.Window <= 0 {
		return 0
	}
	return (acceptedAt - p.OpensAt) / p.Window.Microseconds()
}

// rejection answers why a record is not valid, "" where it is.
func (p *Poll) rejection(v Vote) string {
	switch err := p.Accepts(v.Candidate, v.AcceptedAt); {
	case errors.Is(err, ErrUnknownCandidate):
		return ReasonUnknownCandidate
	case errors.Is(err, ErrPollClosed):
		return ReasonPollClosed
	case err != nil:
		return ReasonPollNotOpen
	}
	return ""
}
