package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// scanVoid reads a void and whose it is, and further columns behind it.
func scanVoid(scan sqldb.Scan, further ...any) (voter string, v ballot.Void, err error) {
	var ids string
	if err := scan(append([]any{&voter, &v.Offset, &ids, &v.Reason}, further...)...); err != nil {
		return voter, v, err
	}
	if err = json.Unmarshal([]byte(ids), &v.IDs); err != nil {
		return voter, v, fmt.Errorf("the ids of a void: %w", err)
	}
	if len(v.IDs) == 0 {
		v.IDs = nil
	}
	return voter, v, nil
}

// lookup gathers what is stored of the voters asked for.
type lookup struct {
	asked   []casting.Identity
	voters  []string
	records map[string]*casting.VoterRecord
	// pairs is asked as a set; made with the first rejected vote, as most
	// slices meet none.
	pairs map[casting.Identity]bool
}

// newLookup answers an empty look-up of distinct voters.
func newLookup(asked []casting.Identity) *lookup {
	l := &lookup{asked: asked, voters: make([]string, 0, len(asked)), records: map[string]*casting.VoterRecord{}}
	for _, id := range asked {
		l.voters = append(l.voters, id.Voter)
	}
	// In the order of the index: neighbours share its pages.
	slices.Sort(l.voters)
	l.voters = slices.Compact(l.voters)
	return l
}

// parameters answers the voters and the vote ids asked for, each as texts.
func (l *lookup) parameters(d sqldb.Dialect) (voters, ids any, err error) {
	asked := make([]string, len(l.asked))
	for i, id := range l.asked {
		asked[i] = id.VoteID
	}
	if voters, err = sqldb.TextsOf(d, l.voters); err != nil {
		return nil, nil, err
	}
	ids, err = sqldb.TextsOf(d, asked)
	return voters, ids, err
}

// record answers a voter's record, a new one for the first row of a voter.
func (l *lookup) record(voter string) *casting.VoterRecord {
	r := l.records[voter]
	if r == nil {
		r = &casting.VoterRecord{Known: map[string]ballot.Known{}}
		l.records[voter] = r
	}
	return r
}

// vote takes in one row of votesOfVoters.
func (l *lookup) vote(scan sqldb.Scan) (none struct{}, err error) {
	var voter, reason string
	var v ballot.Vote
	var status ballot.Status
	if err := scan(&voter, &v.ID, &v.Candidate, &v.Offset, &v.AcceptedAt, &status, &reason); err != nil {
		return none, err
	}
	if status != ballot.Rejected {
		r := l.record(voter)
		r.Voter.Votes = append(r.Voter.Votes, v)
		return none, nil
	}
	if l.wanted(casting.Identity{Voter: voter, VoteID: v.ID}) {
		r := l.record(voter)
		r.Voter.Others++
		r.Known[v.ID] = ballot.Known{Seen: true, Offset: v.Offset, Reason: reason}
	}
	return none, nil
}

// wanted says whether exactly this vote was asked for: the query compares vote
// ids alone.
func (l *lookup) wanted(id casting.Identity) bool {
	if l.pairs == nil {
		l.pairs = make(map[casting.Identity]bool, len(l.asked))
		for _, a := range l.asked {
			l.pairs[a] = true
		}
	}
	return l.pairs[id]
}

// void takes in one row of voidsOfVoters.
func (l *lookup) void(scan sqldb.Scan) (none struct{}, err error) {
	voter, v, err := scanVoid(scan)
	if err == nil {
		r := l.record(voter)
		r.Voter.Voids = append(r.Voter.Voids, v)
	}
	return none, err
}

// sort brings votes and voids into the order of the log, as ballot.Voter has
// them.
func (l *lookup) sort() {
	for _, r := range l.records {
		slices.SortFunc(r.Voter.Votes, func(a, b ballot.Vote) int { return cmp.Compare(a.Offset, b.Offset) })
		slices.SortFunc(r.Voter.Voids, func(a, b ballot.Void) int { return cmp.Compare(a.Offset, b.Offset) })
	}
}
