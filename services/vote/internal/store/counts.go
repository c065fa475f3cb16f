package store

import (
	"encoding/json"
	"fmt"

	"floodgate.internal/services/vote/internal/ballot"
)

// fixedTotals is how many totals stand before the candidates' in every stored
// form. It never changes: rows of years ago are read by it.
const fixedTotals = 4

// totals lists totals in the order in which they are stored.
func totals(c ballot.Counts) []int64 {
	all := make([]int64, fixedTotals, fixedTotals+len(c.Candidates))
	all[0], all[1], all[2], all[3] = c.Duplicates, c.Rejected, c.Voided, c.Corrections
	return append(all, c.Candidates...)
}

// countsFrom reads what totals lists; nothing at all is no totals yet.
func countsFrom(all []int64) (ballot.Counts, error) {
	switch {
	case len(all) == 0:
		return ballot.Counts{}, nil
	case len(all) < fixedTotals:
		return ballot.Counts{}, fmt.Errorf("the stored counts: %d totals, want at least %d", len(all), fixedTotals)
	}
	return ballot.Counts{
		Duplicates: all[0], Rejected: all[1], Voided: all[2], Corrections: all[3], Candidates: all[fixedTotals:],
	}, nil
}

// encodeCounts answers totals as SQL has them: a JSON array, small, and readable
// to an operator at the database's prompt.
func encodeCounts(c ballot.Counts) (string, error) { return asJSON(totals(c)) }

// decodeCounts reads what encodeCounts wrote.
func decodeCounts(stored string) (ballot.Counts, error) {
	var all []int64
	if err := json.Unmarshal([]byte(stored), &all); err != nil {
		return ballot.Counts{}, fmt.Errorf("the stored counts: %w", err)
	}
	return countsFrom(all)
}
