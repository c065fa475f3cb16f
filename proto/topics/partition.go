package topics

import (
	"bytes"
	"strconv"
)

// VoteShards is the fixed number of voter shards of every poll (docs/architecture.md): the
// unit in which a live view is counted, lost and rebuilt.
const VoteShards = 256

// VoteShard answers the shard of a voter, 0 to VoteShards-1.
func VoteShard(voterID string) int32 {
	return murmur2Partition([]byte(voterID), VoteShards)
}

// VoteKey is the record key of a voter's votes in a poll: "poll/shard". Ids
// hold no slash, so a key has exactly one reading.
func VoteKey(pollID string, shard int32) []byte {
	key := make([]byte, 0, len(pollID)+4)
	key = append(append(key, pollID...), '/')
	return strconv.AppendInt(key, int64(shard), 10)
}

// VotePartition answers the partition of a poll's shard: shards of one poll are
// spread evenly, and polls start at different partitions.
func VotePartition(pollID string, shard, partitions int32) int32 {
	first := int64(murmur2([]byte(pollID)) & 0x7fffffff)
	return int32((first + int64(shard)) % int64(partitions))
}

// votePartition reads the key that VoteKey wrote; any other key is hashed whole
// so that even a foreign record has one place.
func votePartition(key []byte, partitions int32) int32 {
	poll, number, found := bytes.Cut(key, []byte{'/'})
	shard, err := strconv.ParseInt(string(number), 10, 32)
	if !found || err != nil || shard < 0 || shard >= VoteShards {
		return murmur2Partition(key, partitions)
	}
	return VotePartition(string(poll), int32(shard), partitions)
}

func murmur2Partition(key []byte, partitions int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % partitions
}

// murmur2 is the 32-bit MurmurHash2 of Kafka's Java client
// (org.apache.kafka.common.utils.Utils.murmur2), seed 0x9747b28c: records of
// one key meet in one partition whichever client wrote them.
func murmur2(data []byte) uint32 {
	const m, r = 0x5bd1e995, 24
	h := uint32(0x9747b28c) ^ uint32(len(data))
	for len(data) >= 4 {
		k := uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16 | uint32(data[3])<<24
		k *= m
		k ^= k >> r
		h = h*m ^ k*m
		data = data[4:]
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(data[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
