package redrive

import (
	"context"
	"errors"

	"floodgate.internal/services/dlq/internal/letter"
)

// Errors of a request about a replay.
var (
	// ErrNoReplay: there is no replay of that id.
	ErrNoReplay = errors.New("no such replay")
	// ErrNothingSelected: no failure that a replay may take is among those asked
	// for. A failure is taken while it is OPEN, or PARKED where that is asked for
	// by name, by one replay at a time, and if its group has a replay topic.
	ErrNothingSelected = errors.New("no failure is selected: none is OPEN (or PARKED, where the filter names it) and has a topic to be replayed to")
	// ErrReplayEnded: it has ended already.
	ErrReplayEnded = errors.New("the replay has ended")
	// ErrDecided: it carries what a decision tells, and the decision stands.
	ErrDecided = errors.New("the replay carries an edit or a discard, which stands")
)

// What a replay does to a failure, as its history says it.
const (
	ActionReplayed = "REPLAYED"
	ActionApplied  = "APPLIED"
	// ActionAlready: the group found the effect done.
	ActionAlready     = "ALREADY_APPLIED"
	ActionFailedAgain = "FAILED_AGAIN"
	ActionParked      = "PARKED"
	// ActionCanceled: an operator ended the replay that has it.
	ActionCanceled = "REPLAY_CANCELED"
	// ActionReleased: given back unpublished. ActionLost: given back as the group
	// has passed it without an outcome.
	ActionReleased = "RELEASED"
	ActionLost     = "NO_OUTCOME"
)

// Replay is a frozen selection of failures on its way back.
type Replay struct {
	// ID names the replay; RequestID the request, empty where it was not named.
	ID, RequestID string
	State         letter.ReplayState
	// Actor asked for it, and why.
	Actor, Reason string
	// Filter selected; empty for a single failure.
	Filter string
	// StopReason is why it stopped itself, empty where it did not.
	StopReason string
	// Rate is how many records a second; StopPermille how many of 1,000 outcomes
	// may fail again before it stops itself.
	Rate, StopPermille int32
	// Canary has it go in steps, see letter.Allowed.
	Canary bool
	// CreatedAt and EndedAt are Unix microseconds; EndedAt is 0 while it runs.
	CreatedAt, EndedAt int64
	letter.Progress
}

// Selection is what a replay is asked to take.
type Selection struct {
	// Filter selects, or else Failure, the id of one.
	Filter  letter.Filter
	Failure string
	// Parked takes PARKED failures too.
	Parked bool
	// Routes are those there are: a failure of none is not taken.
	Routes []Route
}

// Destination is a topic that a replay writes to.
type Destination struct {
	Topic string
	Count int64
	// EveryGroup: all groups that read the topic get the records, not the one that
	// failed alone.
	EveryGroup bool
	// Letters is Route.Letters: that a record was applied is inferred where it does
	// not appear there again.
	Letters string
}

// Conflict is a key of which not all failures are selected, so that a later
// event would be replayed before an earlier one.
type Conflict struct {
	Group, Key string
	// Earlier is how many earlier ones are unresolved and not selected.
	Earlier int64
}

// Survey is what a selection would do.
type Survey struct {
	Selected        int64
	Destinations    []Destination
	Conflicts       []Conflict
	AlreadyResolved int64
}

// Due is a failure that waits to be published.
type Due struct {
	// Item is its place in the order of publishing.
	Item int64
	letter.Failure
	Record letter.Record
}

// Sent is what became of a Due.
type Sent struct {
	Due
	// State is Published, ItemApplied for a client's report at its source, or
	// Skipped; Detail says why.
	State  letter.Item
	Detail string
	// Own says that a decision's own records were published: the failure was
	// moved by the decision.
	Own bool
	// Partition and Offset are where the record stands, -1 where it does not.
	Partition int32
	Offset    int64
}

// Unconfirmed is a published record without an outcome.
type Unconfirmed struct {
	Replay, Failure string
	Item            int64
	// Topic is where it failed at first, and the topic that it was replayed to
	// once it is known to be passed; Partition and Offset are where it is there.
	Topic, Group string
	Partition    int32
	Offset       int64
}

// Outcome is what a group says of a replayed record.
type Outcome struct {
	Replay, Failure, Group string
	// Failed: it was dead-lettered again, Detail says why. Already: it was not, and
	// its effect had happened before. Neither: it was applied.
	Failed, Already bool
	Detail          string
}

// Said answers what the item is by it: letter.ItemFailed, letter.ItemAlready or
// letter.ItemApplied.
func (o *Outcome) Said() letter.Item {
	switch {
	case o.Failed:
		return letter.ItemFailed
	case o.Already:
		return letter.ItemAlready
	default:
		return letter.ItemApplied
	}
}

// Replays keep replays and the claims they have on failures. Safe for concurrent
// use; several processes may share one.
type Replays interface {
	// Freeze takes the selection's failures for a replay, all in one
	// transaction, in the order in which they are to be published: by their place
	// in the log. A failure that another replay has is not taken. The same
	// RequestID answers the replay that is there. Errors: ErrNothingSelected.
	Freeze(ctx context.Context, r Replay, s Selection) (Replay, error)
	// Survey answers what Freeze would take now, and up to limit conflicts.
	Survey(ctx context.Context, s Selection, limit int) (Survey, error)
	// Get answers a replay. Errors: ErrNoReplay.
	Get(ctx context.Context, id string) (Replay, error)
	// Holder answers the replay that has a failure now, "" where none has.
	Holder(ctx context.Context, failure string) (string, error)
	// Cancel marks a replay as canceled; who runs it then ends it. Errors:
	// ErrNoReplay, ErrReplayEnded, ErrDecided.
	Cancel(ctx context.Context, id string, e Entry) error
	// Decide carries out a decision, all in one transaction. Errors:
	// ErrNoFailure, letter.ErrStep, ErrReplaced, those of May.
	Decide(ctx context.Context, d Decision) error
	// Outgoing answers the records that a decision's replay publishes for an item,
	// in their order; none for an item of any other replay.
	Outgoing(ctx context.Context, replay string, item int64) ([]Outgoing, error)
	// ReplacedBy answers what has taken an event's place, nil where nothing has.
	ReplacedBy(ctx context.Context, topic, eventID string) (*Replacement, error)

	// Adopt makes an owner the one who runs up to limit replays that have not
	// ended and that nobody runs now, until a time in Unix microseconds.
	Adopt(ctx context.Context, owner string, now, until int64, limit int) ([]string, error)
	// Renew keeps the ownership until a time; false where it is somebody else's.
	Renew(ctx context.Context, id, owner string, until int64) (bool, error)
	// Due answers up to limit failures from an item on that wait to be published,
	// in order, with their records: so many that all but the last are within the
	// bytes.
	Due(ctx context.Context, id string, from int64, limit int, bytes int64) ([]Due, error)
	// Sent writes down what became of them; an outcome that came sooner stays.
	Sent(ctx context.Context, id string, sent []Sent, at int64) error
	// Confirming says that everything is published.
	Confirming(ctx context.Context, id string) error
	// End ends a replay and gives back what it has not published.
	End(ctx context.Context, id string, state letter.ReplayState, reason string, at int64) error

	// Settle takes outcomes, all or none; the same ones again change nothing.
	Settle(ctx context.Context, outcomes []Outcome, at int64) error
	// Unconfirmed answers up to limit records that were published by one of the
	// routes before a time and have no outcome, the oldest first.
	Unconfirmed(ctx context.Context, routes []Route, before int64, limit int) ([]Unconfirmed, error)
	// Passed answers up to limit records of a route without an outcome that stand
	// below an offset of their partition, the oldest first.
	Passed(ctx context.Context, r Route, below map[int32]int64, limit int) ([]Unconfirmed, error)
	// Lose gives back those of the records that still have no outcome, and answers
	// how many.
	Lose(ctx context.Context, lost []Unconfirmed, at int64) (int, error)
	// Infer takes those of the records that still have no outcome for applied, and
	// answers how many. A letter of one that comes after all opens it again.
	Infer(ctx context.Context, passed []Unconfirmed, at int64) (int, error)
}

// Redelivery is a failure's record on its way back.
type Redelivery struct {
	// Replay names the replay, To is the topic.
	Replay, To string
	letter.Failure
	letter.Record
	// Own says that the record is a decision's own, and goes as it is.
	Own bool
}

// ErrUnfit says that a record cannot be replayed at all; the error says why.
var ErrUnfit = errors.New("the record cannot be replayed")

// Redeliverer puts records into Kafka.
type Redeliverer interface {
	// Redeliver returns once the record is durable, with its place. Errors:
	// ErrUnfit; after any other the same record may be in Kafka, and is
	// redelivered.
	Redeliver(ctx context.Context, r Redelivery) (partition int32, offset int64, err error)
}
