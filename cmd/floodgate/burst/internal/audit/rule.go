package audit

import (
	"cmp"
	"fmt"
	"slices"
)

// rule checks every voter: of his recorded and valid votes exactly the lowest
// VotesPerVoter by offset count within a window, the others are duplicates.
// Rejected votes use no place, voided ones keep theirs.
func (a *Audit) rule() {
	// Only the repetitions are kept in lists: of a million votes some ten
	// thousands, where a list for each voter would take longer than the burst.
	again := map[int][]int{}
	for i := range a.plan.Votes() {
		if first := a.plan.Voter(i); first != i {
			again[first] = append(again[first], i)
		}
	}
	var votes []int
	for i := range a.plan.Votes() {
		if a.plan.Voter(i) != i {
			continue
		}
		votes = votes[:0]
		if a.placed(i) {
			votes = append(votes, i)
		}
		for _, v := range again[i] {
			if a.placed(v) {
				votes = append(votes, v)
			}
		}
		a.voter(votes)
	}
}

// placed says whether the vote takes part in the voter's order.
func (a *Audit) placed(i int) bool {
	switch a.status[i] {
	case code(Counted), code(Duplicate), code(Voided):
		return a.offset[i] >= 0
	}
	return false
}

// voter judges one voter's votes.
func (a *Audit) voter(votes []int) {
	if len(votes) == 0 {
		return
	}
	if len(votes) == 1 && a.status[votes[0]] != code(Duplicate) {
		return // nearly all voters
	}
	slices.SortFunc(votes, func(x, y int) int { return cmp.Compare(a.offset[x], a.offset[y]) })
	used := map[int64]int{}
	for n, i := range votes {
		// Offsets order nothing across partitions: once a voter is split, the
		// rule has no answer for his vote there.
		if n > 0 && a.partition[i] != a.partition[votes[0]] {
			a.found.add(SplitVoter, a.voteID(i), fmt.Sprintf("in partition %d, another vote of the voter in %d", a.partition[i], a.partition[votes[0]]))
			continue
		}
		w := a.window(i)
		counts := used[w] < a.poll.VotesPerVoter
		used[w]++
		switch {
		case !counts && a.status[i] != code(Duplicate):
			a.found.add(BeyondRule, a.voteID(i), fmt.Sprintf("counted, but the voter has %d before it", used[w]-1))
		case counts && a.status[i] == code(Duplicate):
			a.found.add(WrongDuplicate, a.voteID(i), fmt.Sprintf("a duplicate, but the voter has only %d before it", used[w]-1))
		}
	}
}

// window answers the number of the window that a vote was accepted in.
func (a *Audit) window(i int) int64 {
	if a.acceptedAt == nil {
		return 0
	}
	return (a.acceptedAt[i] - a.poll.OpensAt.UnixMicro()) / a.poll.Window.Microseconds()
}

// records checks that no two votes claim one record.
func (a *Audit) records() {
	slices.SortFunc(a.byRecord, func(x, y position) int {
		return cmp.Or(cmp.Compare(x.partition, y.partition), cmp.Compare(x.offset, y.offset))
	})
	for n := 1; n < len(a.byRecord); n++ {
		before, this := a.byRecord[n-1], a.byRecord[n]
		if before.partition == this.partition && before.offset == this.offset {
			a.found.add(SamePosition, a.voteID(this.vote), fmt.Sprintf("partition %d offset %d is also that of %s", this.partition, this.offset, a.voteID(before.vote)))
		}
	}
}

func (a *Audit) voteID(i int) string {
	return string(a.plan.AppendVoteID(nil, i))
}
