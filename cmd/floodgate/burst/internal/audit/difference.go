package audit

// Kind is a way in which record and burst differ.
type Kind string

// The kinds of difference.
const (
	// Missing: an accepted vote that is not recorded.
	Missing Kind = "MISSING"
	// NotDecided: a recorded vote of which nobody says what became of it.
	NotDecided Kind = "UNDECIDED"
	// Phantom: a recorded vote that was refused, never sent or nobody's.
	Phantom Kind = "PHANTOM"
	// ListedTwice: one vote with two receipts.
	ListedTwice Kind = "LISTED_TWICE"
	// WrongVoter and WrongCandidate: a receipt with other content than the vote.
	WrongVoter     Kind = "WRONG_VOTER"
	WrongCandidate Kind = "WRONG_CANDIDATE"
	// BeyondRule: a counted vote of a voter who had used his votes before it.
	BeyondRule Kind = "BEYOND_RULE"
	// WrongDuplicate: a duplicate whose voter had votes left.
	WrongDuplicate Kind = "WRONG_DUPLICATE"
	// NoReason: a rejection that does not say why.
	NoReason Kind = "NO_REASON"
	// Taken: a vote that was voided, which no burst does.
	Taken Kind = "VOIDED"
	// Unreadable: a receipt that this program does not understand.
	Unreadable Kind = "UNREADABLE"
	// NoPosition: a decided vote without its record.
	NoPosition Kind = "NO_POSITION"
	// SamePosition: two votes that claim one record.
	SamePosition Kind = "SAME_POSITION"
	// SplitVoter: votes of one voter in two partitions, which nothing orders.
	SplitVoter Kind = "SPLIT_VOTER"
	// WrongTally: a number of the tally that is not that of the receipts.
	WrongTally Kind = "WRONG_TALLY"
	// WrongAnswer: an acknowledgement that names another vote.
	WrongAnswer Kind = "WRONG_ANSWER"
)

// Difference is one fault that was found.
type Difference struct {
	Kind Kind `json:"kind"`
	// VoteID is the vote in question, or the number of the tally.
	VoteID string `json:"voteId"`
	// Detail is for people.
	Detail string `json:"detail"`
}

// Listed is how many differences are kept for reading; all are numbered.
const Listed = 20

// findings keep the first differences and the number of all.
type findings struct {
	list   []Difference
	byKind map[Kind]int64
	total  int64
}

func (f *findings) add(kind Kind, voteID, detail string) {
	if f.byKind == nil {
		f.byKind = map[Kind]int64{}
	}
	f.byKind[kind]++
	f.total++
	if len(f.list) < Listed {
		f.list = append(f.list, Difference{kind, voteID, detail})
	}
}

// String names an outcome within a sentence.
func (o Outcome) String() string {
	switch o {
	case Unsent:
		return "never sent"
	case Accepted:
		return "accepted"
	case Lost:
		return "sent without an answer"
	default:
		return "refused"
	}
}
