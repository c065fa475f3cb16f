package store_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
	"floodgate.internal/services/vote/internal/store/storetest"
)

func TestMemoryView(t *testing.T) {
	t.Parallel()
	storetest.Run[casting.View](t, store.NewMemoryView(time.Hour), storetest.ViewCases())
}

func TestMemoryViewIsLikeTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, storetest.LikeTheModel(store.NewMemoryView(time.Hour)))
}

func TestMemoryViewExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { storetest.Expires(t, store.NewMemoryView(time.Second)) })
}

// TestMemoryViewLivesByItsLastChange: reading keeps no shard alive, a change
// does.
func TestMemoryViewLivesByItsLastChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := store.NewMemoryView(time.Hour)
		shard := casting.Shard{Poll: "poll"}
		apply := func(from int64) {
			t.Helper()
			r, err := v.Apply(t.Context(), []casting.Change{{Shard: shard, Generation: 1, From: from, To: from + 1}})
			if err != nil || r[0].Outcome != casting.Applied {
				t.Fatalf("applying behind %d: %+v, %v", from, r, err)
			}
		}
		present := func() bool {
			marks, err := v.Marks(t.Context(), []casting.Shard{shard})
			if err != nil {
				t.Fatal(err)
			}
			return marks[0].Present()
		}
		apply(-1)
		time.Sleep(59 * time.Minute) //nolint:forbidigo // inside a bubble
		apply(0)
		time.Sleep(59 * time.Minute) //nolint:forbidigo // inside a bubble
		if !present() {
			t.Error("the shard is gone before its time")
		}
		time.Sleep(time.Minute) //nolint:forbidigo // inside a bubble
		if present() {
			t.Error("the shard is there past its time")
		}
	})
}

// TestMemoryViewIsLean: a million votes of as many voters stay below 250 MB.
// Measured at a tenth of it, over 26 shards instead of 256.
func TestMemoryViewIsLean(t *testing.T) { //nolint:paralleltest // others would be in its measure
	const votes, shards, maxBytesPerVote = 100_000, 26, 250
	v := store.NewMemoryView(time.Hour)
	before := heapInUse()
	offset := int64(0)
	for number := range int32(shards) {
		c := casting.Change{Shard: casting.Shard{Poll: "poll", Number: number}, Generation: 1, From: -1}
		for range votes / shards {
			offset++
			voter := ballot.Voter{Votes: []ballot.Vote{{
				ID: fmt.Sprintf("0194f3a2-7b1c-7e55-9d2f-%012d", offset), Candidate: "candidate-3",
				Offset: offset, AcceptedAt: 1_790_000_000_000_000 + offset,
			}}}
			c.Fields = append(c.Fields, casting.Field{Name: fmt.Sprintf("v/7e559d2f-7b1c-4a53-b1ce-%012d", offset), Value: voter.Encode()})
		}
		c.To = offset
		if _, err := v.Apply(t.Context(), []casting.Change{c}); err != nil {
			t.Fatal(err)
		}
	}
	perVote := float64(heapInUse()-before) / votes
	runtime.KeepAlive(v)
	t.Logf("%.0f bytes a vote", perVote)
	if perVote > maxBytesPerVote {
		t.Errorf("%.0f bytes a vote, want at most %d", perVote, maxBytesPerVote)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
