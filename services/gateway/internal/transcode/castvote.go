package transcode

import (
	"time"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// CastVote is nine in ten requests of a burst, and reflection over its four
// strings would be the largest part of what the edge does for it. So the plain
// form of it, which is what every client sends, is read and written by hand.
// Whatever is not plain is left to protojson, and with it every rule and every
// refusal: the hand-written half never says no.

// readCastVote reads an object of plain strings, each of them once, and answers
// whether it was one; if not, nothing may be taken from vote.
func readCastVote(data []byte, vote *votev1.CastVoteRequest) bool {
	s := plain{data}
	if !s.skip('{') {
		return false
	}
	for {
		name, ok := s.text()
		if !ok || !s.skip(':') {
			return false
		}
		value, ok := s.text()
		if !ok || !setOnce(vote, string(name), value) {
			return false
		}
		if !s.skip(',') {
			return s.skip('}') && s.done()
		}
	}
}

// setOnce sets the field of that name; false where there is none, or where it
// is set already. An empty string counts as set: a second one must be refused,
// so it is not plain.
func setOnce(vote *votev1.CastVoteRequest, name string, value []byte) bool {
	var field *string
	switch name {
	case "pollId":
		field = &vote.PollId
	case "candidateId":
		field = &vote.CandidateId
	case "voterId":
		field = &vote.VoterId
	case "voteId":
		if vote.VoteId != nil {
			return false
		}
		vote.VoteId = new(string)
		field = vote.VoteId
	default:
		return false
	}
	if *field != "" || len(value) == 0 {
		return false
	}
	*field = string(value)
	return true
}

// plain reads JSON that has only objects and strings without escapes.
type plain struct{ rest []byte }

// blank drops white space.
func (p *plain) blank() {
	i := 0
	for i < len(p.rest) && (p.rest[i] == ' ' || p.rest[i] == '\n' || p.rest[i] == '\t' || p.rest[i] == '\r') {
		i++
	}
	p.rest = p.rest[i:]
}

// skip reads one mark.
func (p *plain) skip(mark byte) bool {
	p.blank()
	if len(p.rest) == 0 || p.rest[0] != mark {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// text reads a string of printable ASCII.
func (p *plain) text() ([]byte, bool) {
	if !p.skip('"') {
		return nil, false
	}
	for i, c := range p.rest {
		switch {
		case c == '"':
			value := p.rest[:i]
			p.rest = p.rest[i+1:]
			return value, true
		case c == '\\' || c < ' ' || c > '~':
			return nil, false
		}
	}
	return nil, false
}

// done says whether nothing is left.
func (p *plain) done() bool {
	p.blank()
	return len(p.rest) == 0
}

// writeCastVote writes an accepted vote as protojson would, spaces aside, and
// answers whether it was plain; if not, nothing may be taken from the result.
func writeCastVote(answer *votev1.CastVoteResponse) ([]byte, bool) {
	at := answer.GetAcceptedAt()
	if answer.GetStatus() != votev1.CastVoteResponse_ACCEPTED || at == nil || !at.IsValid() {
		return nil, false
	}
	buf := append(make([]byte, 0, 192), `{"voteId":"`...)
	for _, c := range []byte(answer.GetVoteId()) {
		if c == '"' || c == '\\' || c < ' ' || c > '~' {
			return nil, false
		}
	}
	buf = append(append(buf, answer.GetVoteId()...), `","status":"ACCEPTED","acceptedAt":"`...)
	buf = appendTime(buf, at.AsTime())
	if answer.GetSpooled() {
		return append(buf, `","spooled":true}`...), true
	}
	return append(buf, `","spooled":false}`...), true
}

// appendTime writes a time with 0, 3, 6 or 9 digits behind the point, as the
// proto3 mapping asks.
func appendTime(buf []byte, at time.Time) []byte {
	layout := "2006-01-02T15:04:05.000000000Z"
	switch ns := at.Nanosecond(); {
	case ns == 0:
		layout = "2006-01-02T15:04:05Z"
	case ns%1e6 == 0:
		layout = "2006-01-02T15:04:05.000Z"
	case ns%1e3 == 0:
		layout = "2006-01-02T15:04:05.000000Z"
	}
	return at.AppendFormat(buf, layout)
}
