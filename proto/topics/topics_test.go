package topics_test

import (
	"testing"

	"floodgate.internal/proto/topics"
)

// Values of Kafka's own UtilsTest.testMurmur2 (toPositive(h) % 2^31): a Java
// client puts these keys on the same partitions.
func TestKeyedTopicsPartitionLikeJava(t *testing.T) {
	t.Parallel()
	dlq, _ := topics.Lookup(topics.DLQFailed)
	golden := map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string":                       -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	}
	for key, hash := range golden {
		if got, want := dlq.Partition([]byte(key), 12), (hash&0x7fffffff)%12; got != want {
			t.Errorf("partition of %q = %d, want %d", key, got, want)
		}
	}
}

func TestVotePartitionIsPinned(t *testing.T) {
	t.Parallel()
	vote, _ := topics.Lookup(topics.VoteCast)
	for _, tc := range []struct {
		poll       string
		shard      int32
		partitions int32
	}{{"final", 0, 12}, {"final", 255, 12}, {"semi", 7, 256}} {
		key := topics.VoteKey(tc.poll, tc.shard)
		got, direct := vote.Partition(key, tc.partitions), topics.VotePartition(tc.poll, tc.shard, tc.partitions)
		if got != direct || got < 0 || got >= tc.partitions {
			t.Errorf("partition of %s = %d, direct %d", key, got, direct)
		}
		next := vote.Partition(topics.VoteKey(tc.poll, (tc.shard+1)%256), tc.partitions)
		if tc.shard < 255 && next != (got+1)%tc.partitions {
			t.Errorf("shard after %s is on %d, want the partition after %d", key, next, got)
		}
	}
	if got := vote.Partition(topics.VoteKey("final", 3), 12); got != 7 {
		t.Errorf("final/3 is on partition %d, pinned at 7", got)
	}
	if got := topics.VoteShard("voter-1"); got != 82 {
		t.Errorf("voter-1 is in shard %d, pinned at 82", got)
	}
}

func TestCatalogueHasAReplayTopicPerGroup(t *testing.T) {
	t.Parallel()
	for _, group := range []string{topics.GroupVoteTally, topics.GroupVoteLedger} {
		replay, ok := topics.Lookup(topics.Replay(topics.VoteCast, group))
		if !ok || replay.PartitionsDev != topics.ReplayPartitions || replay.PartitionsProd != topics.ReplayPartitions {
			t.Errorf("replay topic of %s: %v %+v", group, ok, replay)
		}
	}
}

func TestVotesAloneMayBeSpooled(t *testing.T) {
	t.Parallel()
	for _, topic := range topics.Catalogue() {
		if topic.Spoolable != (topic.Name == topics.VoteCast) {
			t.Errorf("%s: spoolable is %v", topic.Name, topic.Spoolable)
		}
	}
}

// Views of votes are counted from their log; no other topic has one.
func TestVotesAloneAreRebuilt(t *testing.T) {
	t.Parallel()
	for _, topic := range topics.Catalogue() {
		if topic.Rebuilt != (topic.Name == topics.VoteCast) {
			t.Errorf("%s: rebuilt is %v", topic.Name, topic.Rebuilt)
		}
	}
}

func TestEveryTopicIsBounded(t *testing.T) {
	t.Parallel()
	for _, topic := range topics.Catalogue() {
		if topic.Retention <= 0 || topic.SegmentBytes <= 0 || topic.PartitionsDev <= 0 || topic.PartitionsProd < topic.PartitionsDev {
			t.Errorf("%s: retention, segments or partitions missing: %+v", topic.Name, topic)
		}
	}
}
