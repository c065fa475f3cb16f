package casting

import (
	"math"

	"floodgate.internal/services/vote/internal/ballot"
)

// shardCount is the fixed number of voter shards of a poll (topics.VoteShards).
const shardCount = 256

// maxDifferences bounds what a recount lists.
const maxDifferences = 1000

// copyAt is one copy of a shard: its totals after the record at offset last.
type copyAt struct {
	name   string
	last   int64
	counts ballot.Counts
}

// shardRecount counts one shard anew and compares each copy on the way, at the
// offset which that copy has reached.
type shardRecount struct {
	build  *build
	copies []copyAt
	// doubtful are copies that differed there. A replay may have brought a copy
	// a record from behind its offset, so they are compared with the whole log
	// once more.
	doubtful []doubt
}

type doubt struct {
	copy  copyAt
	found []Difference
}

// compareBefore compares the copies that end before an offset.
func (s *shardRecount) compareBefore(offset int64) {
	for len(s.copies) > 0 && s.copies[0].last < offset {
		if found := s.differences(s.copies[0]); len(found) > 0 {
			s.doubtful = append(s.doubtful, doubt{s.copies[0], found})
		}
		s.copies = s.copies[1:]
	}
}

// finish compares what is left with the whole log and answers what differs.
func (s *shardRecount) finish() []Difference {
	s.compareBefore(math.MaxInt64)
	var out []Difference
	for _, d := range s.doubtful {
		if len(s.differences(d.copy)) > 0 {
			out = append(out, d.found...)
		}
	}
	return out
}

// differences compares a copy with what is counted so far.
func (s *shardRecount) differences(at copyAt) []Difference {
	candidates := s.build.poll.Candidates
	want, have := ballot.NewCounts(len(candidates)), ballot.NewCounts(len(candidates))
	want.Add(s.build.counts)
	have.Add(at.counts)
	var out []Difference
	note := func(name string, found, expected int64) {
		if found != expected {
			out = append(out, Difference{Candidate: name, Shard: s.build.shard.Number, Copy: at.name, Found: found, Expected: expected})
		}
	}
	for i, c := range candidates {
		note(c.ID, have.Candidates[i], want.Candidates[i])
	}
	note("duplicates", have.Duplicates, want.Duplicates)
	note("rejected", have.Rejected, want.Rejected)
	note("voided", have.Voided, want.Voided)
	return out
}
