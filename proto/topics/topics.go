// Package topics is the catalogue of Floodgate's Kafka topics: names, keys,
// partition counts, retention and partitioners live here and nowhere else.
// backbone creates the topics and checks them at start.
package topics

import (
	"slices"
	"time"
)

// Names of the topics.
const (
	VoteCast  = "vote.cast"
	DLQFailed = "dlq.failed"
	// DLQOutcome carries what became of replayed records (SEMANTICS 21).
	DLQOutcome = "dlq.outcome"
	OpsAlert   = "ops.alert"
)

// Names of the consumer groups.
const (
	GroupVoteTally  = "vote-tally"
	GroupVoteLedger = "vote-ledger"
	GroupDLQIngest  = "dlq-ingest"
	// GroupDLQOutcome learns what became of replayed records.
	GroupDLQOutcome = "dlq-outcome"
	// GroupNotifyAlerts sends alerts to operators.
	GroupNotifyAlerts = "notify-alerts"
)

// ReplayPartitions is the partition count of every replay topic (SEMANTICS 20).
const ReplayPartitions = 12

// Topic is one entry of the catalogue.
type Topic struct {
	// Name is the topic's name in Kafka.
	Name string
	// Key says in words what the record key is: the ordering key.
	Key string
	// PartitionsDev and PartitionsProd are fixed for ever once created: keys
	// would change their partition (SEMANTICS 4).
	PartitionsDev, PartitionsProd int32
	// Retention is how long records are kept.
	Retention time.Duration
	// SegmentBytes is the size at which a log segment is closed: only closed
	// segments are ever deleted.
	SegmentBytes int64
	// MaxMessageBytes bounds one record batch; 0 is the broker's own bound.
	MaxMessageBytes int32
	// LogAppendTime has the broker stamp records, one clock per partition.
	LogAppendTime bool
	// Reportable topics take a client's own failure reports (SEMANTICS 20).
	Reportable bool
	// Spoolable topics' records may be accepted into a durable spool while Kafka
	// is away. Not so where being late is worse than being refused: a dead
	// letter holds its offset instead, a reply is best effort, and a payment's
	// honest answer is that it cannot be taken (SEMANTICS 16, 17).
	Spoolable bool
	// Rebuilt topics have views that are counted anew from the log (SEMANTICS 6):
	// whatever stands there and can be handled will be, once more.
	Rebuilt bool
	// Groups are the consumer groups that read the topic; each has a replay
	// topic of its own.
	Groups []string
	// Events are the full protobuf message names of its values.
	Events []string

	partition func(key []byte, partitions int32) int32
	report    Report // where Reportable
}

// Partition answers the partition of a key among so many; by murmur2 like Java
// clients, unless the topic says otherwise.
func (t Topic) Partition(key []byte, partitions int32) int32 {
	if t.partition == nil {
		return murmur2Partition(key, partitions)
	}
	return t.partition(key, partitions)
}

// Catalogue answers every topic, replay topics included. Dead letters, outcomes
// and alerts have none: their readers keep what they cannot handle. The slice is
// the caller's.
func Catalogue() []Topic {
	all := sources()
	for _, t := range slices.Clone(all) {
		for _, group := range t.Groups {
			if t.hasReplays() {
				all = append(all, replayOf(t, group))
			}
		}
	}
	return all
}

func sources() []Topic { return []Topic{voteCast(), dlqFailed(), dlqOutcome(), opsAlert()} }

func (t Topic) hasReplays() bool {
	return t.Name != DLQFailed && t.Name != DLQOutcome && t.Name != OpsAlert
}

// Route is where failures of a group's records of a topic are replayed to.
type Route struct {
	// Topic and Group are where a record failed; Group is empty for a client's
	// own report, which no group has seen.
	Topic, Group string
	// To is the topic that a replay goes to.
	To string
}

// Routes answers all routes: each group's failures go to its own replay topic, a
// client's report to the source (SEMANTICS 20).
func Routes() []Route {
	var routes []Route
	for _, t := range sources() {
		if !t.hasReplays() {
			continue
		}
		for _, group := range t.Groups {
			routes = append(routes, Route{Topic: t.Name, Group: group, To: Replay(t.Name, group)})
		}
		if t.Reportable {
			routes = append(routes, Route{Topic: t.Name, To: t.Name})
		}
	}
	return routes
}

// Names answers what topics are called, in their order.
func Names(of []Topic) []string {
	names := make([]string, len(of))
	for i, t := range of {
		names[i] = t.Name
	}
	return names
}

// Lookup answers the topic of that name, and whether there is one.
func Lookup(name string) (Topic, bool) {
	for _, t := range Catalogue() {
		if t.Name == name {
			return t, true
		}
	}
	return Topic{}, false
}

// Replay is the name of the topic through which a group gets its own failures
// back: "<topic>.replay.<group>".
func Replay(topic, group string) string {
	return topic + ".replay." + group
}

func voteCast() Topic {
	return Topic{
		Name: VoteCast, Key: "poll / voter shard",
		PartitionsDev: 12, PartitionsProd: 256,
		// A poll's log outlives the poll: rebuilds and recounts read it.
		Retention: 30 * 24 * time.Hour, SegmentBytes: 64 << 20,
		LogAppendTime: true, Reportable: true, Spoolable: true, Rebuilt: true,
		Groups:    []string{GroupVoteTally, GroupVoteLedger},
		Events:    []string{"floodgate.vote.v1.VoteCast", "floodgate.vote.v1.VotesVoided"},
		partition: votePartition, report: voteReport(),
	}
}

func dlqFailed() Topic {
	return Topic{
		Name: DLQFailed, Key: "origin service + key",
		PartitionsDev: 12, PartitionsProd: 24,
		Retention: 30 * 24 * time.Hour, SegmentBytes: 64 << 20,
		// The largest source record (1 MiB, Kafka's default) plus 64 KiB of
		// dead-letter headers (SEMANTICS 22).
		MaxMessageBytes: 1<<20 + 64<<10,
		LogAppendTime:   true,
		Groups:          []string{GroupDLQIngest},
	}
}

// dlqOutcome holds one small record per replayed one: the DLQ service reads it at
// once, and after a loss of its database nothing of it is needed.
func dlqOutcome() Topic {
	return Topic{
		Name: DLQOutcome, Key: "event id",
		PartitionsDev: 12, PartitionsProd: 24,
		Retention: 30 * 24 * time.Hour, SegmentBytes: 64 << 20,
		LogAppendTime: true,
		Groups:        []string{GroupDLQOutcome},
		Events:        []string{"floodgate.dlq.v1.ReplayOutcome"},
	}
}

// opsAlert is one log of all alerts: its order is what a restarted instance and
// a new owner of a partition go by. One partition, as the whole of it is read at
// every start.
func opsAlert() Topic {
	return Topic{
		Name: OpsAlert, Key: "alert name",
		PartitionsDev: 1, PartitionsProd: 1,
		Retention: 30 * 24 * time.Hour, SegmentBytes: 16 << 20,
		LogAppendTime: true,
		Groups:        []string{GroupNotifyAlerts},
		Events:        []string{"floodgate.ops.v1.Alert"},
	}
}

// replayOf keeps the source's key, and its partitioner so far as the fixed
// count allows: records of one key stay in order.
func replayOf(t Topic, group string) Topic {
	t.Name = Replay(t.Name, group)
	t.PartitionsDev, t.PartitionsProd = ReplayPartitions, ReplayPartitions
	t.Reportable, t.Spoolable, t.Rebuilt = false, false, false
	t.Groups = []string{group}
	return t
}
