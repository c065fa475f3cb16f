package storetest

import (
	"context"
	"math/rand/v2"

	"floodgate.internal/services/vote/internal/casting"
)

// FloorsCases are the cases every table of floors passes.
func FloorsCases() []Case[casting.Floors] {
	return []Case[casting.Floors]{
		{"A floor only rises", floorRises},
		{"Floors of a partition are those saved since a time", floorsOfPartition},
		{"All shards of a poll at once", floorsOfPoll},
		{"Of racing floors the highest stands", floorRace},
	}
}

// save saves floors; an error ends the case.
func save(t T, s casting.Floors, floors ...casting.Floor) {
	t.Helper()
	if err := s.Save(t.Context(), floors); err != nil {
		t.Fatalf("saving floors: %v", err)
	}
}

// ofPoll reads the floors of a poll; an error ends the case.
func ofPoll(t T, s casting.Floors, poll string) []casting.Floor {
	t.Helper()
	floors, err := s.OfPoll(t.Context(), poll)
	if err != nil {
		t.Fatalf("reading floors: %v", err)
	}
	return floors
}

// floorRises: a claim that was taken over saves what it knew, late. Were the
// floor to sink, a view set back to before it would be believed.
func floorRises(t T, s casting.Floors) {
	f := casting.Floor{Shard: casting.Shard{Poll: newID(), Number: 255}, Partition: 3, Last: 1 << 40, At: 1_790_000_000_000_000}
	save(t, s, f)
	compare(t, "floors", []casting.Floor{f}, ofPoll(t, s, f.Shard.Poll))
	lower := f
	lower.Last, lower.At = f.Last-1, f.At+1
	save(t, s, lower)
	f.At++
	compare(t, "floors behind a lower one", []casting.Floor{f}, ofPoll(t, s, f.Shard.Poll))
	f.Last++
	save(t, s, f)
	compare(t, "floors behind a higher one", []casting.Floor{f}, ofPoll(t, s, f.Shard.Poll))
	save(t, s)
}

// floorsOfPartition: a new claim learns its shards from here. Those saved long
// ago have expired in the view, and are not to be rebuilt for nothing.
func floorsOfPartition(t T, s casting.Floors) {
	// A partition that no other case uses.
	partition, poll := rand.Int32N(1<<30)+1000, newID()
	at := func(number int32, partition int32, when int64) casting.Floor {
		return casting.Floor{Shard: casting.Shard{Poll: poll, Number: number}, Partition: partition, Last: 9, At: when}
	}
	save(t, s, at(3, partition, 300), at(1, partition, 100), at(2, partition, 200), at(4, partition+1, 300))
	got, err := s.OfPartition(t.Context(), partition, 200)
	if err != nil {
		t.Fatalf("reading floors: %v", err)
	}
	compare(t, "floors", []casting.Floor{at(2, partition, 200), at(3, partition, 300)}, got)
}

// floorsOfPoll: one call saves whatever has moved since the last commit, in any
// order.
func floorsOfPoll(t T, s casting.Floors) {
	poll := newID()
	var want []casting.Floor
	for number := range int32(256) {
		want = append(want, casting.Floor{Shard: casting.Shard{Poll: poll, Number: number}, Partition: number % 12, Last: int64(number) - 1, At: 5})
	}
	shuffled := append([]casting.Floor(nil), want...)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	save(t, s, shuffled...)
	compare(t, "floors", want, ofPoll(t, s, poll))
	if other := ofPoll(t, s, newID()); len(other) != 0 {
		t.Errorf("a poll without floors has %v", other)
	}
}

// floorRace: the owner of a partition and the one before it save at once, their
// shards in different orders.
func floorRace(t T, s casting.Floors) {
	const rounds = 20
	poll := newID()
	writer := func(step int64) func(context.Context) error {
		return func(ctx context.Context) error {
			for i := range int64(rounds) {
				var floors []casting.Floor
				for number := range int32(10) {
					if step < 0 {
						number = 9 - number
					}
					floors = append(floors, casting.Floor{Shard: casting.Shard{Poll: poll, Number: number}, Last: 100 + step*i})
				}
				if err := s.Save(ctx, floors); err != nil {
					return err
				}
			}
			return nil
		}
	}
	race(t, writer(1), writer(-1), writer(2))
	for _, f := range ofPoll(t, s, poll) {
		if f.Last != 100+2*(rounds-1) {
			t.Errorf("the floor of shard %d is %d", f.Shard.Number, f.Last)
		}
	}
}
