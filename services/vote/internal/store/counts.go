package store

import (
	"encoding/json"
	"fmt"

	"floodgate.internal/services/vote/internal/ballot"
)

// fixedCounts is how many totals stand before the candidates' in the stored
// form. It never changes: rows of years ago are read by it.
const fixedCounts = 4

// encodeCounts answers totals in their stored form: a JSON array, small, and
// readable to an operator at the database's prompt.
func encodeCounts(c ballot.Counts) (string, error) {
	return asJSON(append([]int64{c.Duplicates, c.Rejected, c.Voided, c.Corrections}, c.Candidates...))
}

// decodeCounts reads what encodeCounts wrote; an empty array is no totals yet.
func decodeCounts(stored string) (ballot.Counts, error) {
	var totals []int64
	if err := json.Unmarshal([]byte(stored), &totals); err != nil {
		return ballot.Counts{}, fmt.Errorf("the stored counts: %w", err)
	}
	if len(totals) == 0 {
		return ballot.Counts{}, nil
	}
	if len(totals) < fixedCounts {
		return ballot.Counts{}, fmt.Errorf("the stored counts: %d totals, want at least %d", len(totals), fixedCounts)
	}
	return ballot.Counts{
		Duplicates: totals[0], Rejected: totals[1], Voided: totals[2], Corrections: totals[3],
		Candidates: totals[fixedCounts:],
	}, nil
}
