package casting

import "floodgate.internal/services/vote/internal/ballot"

// shardCount is the fixed number of voter shards of a poll (DESIGN 5).
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
}

// compareBefore compares the copies that end before an offset.
func (s *shardRecount) compareBefore(offset int64, c *Comparison) {
	for len(s.copies) > 0 && s.copies[0].last < offset {
		s.compare(s.copies[0], c)
		s.copies = s.copies[1:]
	}
}

func (s *shardRecount) compare(at copyAt, c *Comparison) {
	want := ballot.NewCounts(len(s.build.poll.Candidates))
	want.Add(s.build.counts)
	for i, candidate := range s.build.poll.Candidates {
		var found int64
		if i < len(at.counts.Candidates) {
			found = at.counts.Candidates[i]
		}
		s.note(c, at.name, candidate.ID, found, want.Candidates[i])
	}
	s.note(c, at.name, "duplicates", at.counts.Duplicates, want.Duplicates)
	s.note(c, at.name, "rejected", at.counts.Rejected, want.Rejected)
	s.note(c, at.name, "voided", at.counts.Voided, want.Voided)
}

func (s *shardRecount) note(c *Comparison, name, candidate string, found, want int64) {
	if found == want || len(c.Differences) >= maxDifferences {
		return
	}
	c.Differences = append(c.Differences, Difference{
		Candidate: candidate, Shard: s.build.shard.Number, Copy: name, Found: found, Expected: want,
	})
}
