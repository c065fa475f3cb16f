package store_test

import (
	"errors"
	"testing"

	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
)

func TestADatabaseAheadOfItsLogIsRefused(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), sqldbtest.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	ends := func(end int64) func(int32) (int64, bool) {
		return func(int32) (int64, bool) { return end, true }
	}
	if err := s.Topics.CheckLog(t.Context(), ends(0)); err != nil {
		t.Errorf("nothing seen yet: %v", err)
	}
	floor := casting.Floor{Shard: casting.Shard{Poll: "final", Number: 3}, Partition: 5, Last: 41, At: 1}
	if err := s.Floors.Save(t.Context(), []casting.Floor{floor}); err != nil {
		t.Fatal(err)
	}
	if err := s.Topics.CheckLog(t.Context(), ends(42)); err != nil {
		t.Errorf("the log has it: %v", err)
	}
	if err := s.Topics.CheckLog(t.Context(), ends(41)); !errors.Is(err, store.ErrLogBehind) {
		t.Errorf("the log ends before it: %v", err)
	}
}
