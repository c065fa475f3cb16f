package requestreply

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"floodgate.internal/backbone/record"
)

// heartbeat is one of an instance with that TTL, written so long ago.
func heartbeat(ttl, ago time.Duration) *record.Record {
	value, _ := proto.Marshal(durationpb.New(ttl))
	return &record.Record{Key: []byte(leaseKey), Value: value, Timestamp: time.Now().Add(-ago)}
}

// Which topics of others are removed, and when.
func TestOnlyOrphansAreReaped(t *testing.T) {
	t.Parallel()
	const ours = 9 * time.Second
	for name, tc := range map[string]struct {
		// last is the record there is, if any; it is made in the bubble's time.
		last  func() *record.Record
		after time.Duration
	}{
		"its lease has lapsed":          {func() *record.Record { return heartbeat(10*time.Second, time.Hour) }, 0},
		"lapses while it is looked at":  {func() *record.Record { return heartbeat(10*time.Second, 0) }, 15 * time.Second},
		"its lease is longer than ours": {func() *record.Record { return heartbeat(10*time.Minute, 14*time.Minute) }, time.Minute},
		"no lease in it":                {nil, 15 * time.Minute},
		"only a reply in it":            {func() *record.Record { return &record.Record{Key: []byte("id")} }, 15 * time.Minute},
		"a heartbeat that names no time": {func() *record.Record {
			return &record.Record{Key: []byte(leaseKey), Value: []byte{0xff}, Timestamp: time.Now()}
		}, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeLog()
				f.make("d.reply.other")
				if tc.last != nil {
					f.make("d.reply.other", tc.last())
				}
				began := time.Now()
				_, end := begin(t, f, Config{TTL: ours, ReapEvery: time.Second})
				defer end()
				for slices.Contains(f.names(), "d.reply.other") {
					elapse(100 * time.Millisecond)
					if time.Since(began) > time.Hour {
						t.Fatal("it is still there")
					}
				}
				// A round comes within two intervals for each of two living
				// instances, by a heartbeat that may be a second old.
				if took := time.Since(began); took < tc.after || took > tc.after+6*time.Second {
					t.Errorf("removed after %s, want %s", took, tc.after)
				}
			})
		})
	}
}

// Twenty instances reap beside each other for a quarter of an hour, with heartbeats
// at other times each: nobody who lives loses its topic, all that is left of the
// dead is removed.
func TestNobodyWhoLivesIsReaped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		f.ahead = -time.Hour // By their own clocks all would be dead.
		var living []*Requester
		var ends []func()
		for i := range 20 {
			r, end := begin(t, f, Config{Instance: fmt.Sprint("i", i), TTL: 9 * time.Second, ReapEvery: time.Second})
			living, ends = append(living, r), append(ends, end)
			elapse(53 * time.Millisecond) // Not all of one beat.
		}
		defer func() {
			for _, end := range ends {
				end()
			}
		}()
		for i := range 30 {
			f.make(fmt.Sprint("d.reply.dead", i), heartbeat(time.Duration(1+i)*time.Second, time.Hour))
		}
		for range 90 {
			elapse(10 * time.Second)
			for _, r := range living {
				if s := r.Status(); s.Topics != 1 {
					t.Fatalf("an instance lost its topic: %+v", s)
				}
			}
		}
		if left := f.names(); len(left) != len(living) {
			t.Errorf("%d topics for %d instances: %v", len(left), len(living), left)
		}
	})
}

// A heartbeat that comes between the two looks saves the topic, and so does a
// look that is not answered.
func TestTheSecondLookSavesATopic(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]func(f *fakeLog) error{
		"a heartbeat came":    func(f *fakeLog) error { f.make("d.reply.other", heartbeat(time.Second, 0)); return nil },
		"it cannot be read":   func(*fakeLog) error { return errors.New("no leader") },
		"it was made anew":    func(f *fakeLog) error { f.make("d.reply.other", heartbeat(time.Second, time.Hour)); return nil },
		"the second confirms": func(*fakeLog) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeLog()
				f.make("d.reply.other", heartbeat(time.Second, time.Hour))
				r, end := begin(t, f, Config{ReapEvery: 1000 * time.Hour})
				defer end()
				looks, ids := 0, 0
				f.denying(func(what, _ string) error {
					switch what {
					case "lastLease":
						looks++
						if looks == 2 && name != "it was made anew" {
							return second(f)
						}
					case "id":
						ids++
						if ids == 2 && name == "it was made anew" {
							return second(f)
						}
					}
					return nil
				})
				r.round(t.Context(), make(map[string]time.Time))
				if removed := len(f.removed) == 1; removed != (name == "the second confirms") {
					t.Errorf("removed: %v", f.removed)
				}
			})
		})
	}
}

// Who has no lease of its own judges nobody.
func TestALapsedInstanceReapsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLog()
		f.make("d.reply.other", heartbeat(time.Second, time.Hour))
		r, end := begin(t, f, Config{ReapEvery: 1000 * time.Hour})
		defer end()
		own := r.current.Load()
		own.lease.mu.Lock()
		own.lease.renewed = time.Now().Add(-time.Hour)
		own.lease.mu.Unlock()
		r.round(t.Context(), make(map[string]time.Time))
		if len(f.removed) != 0 {
			t.Errorf("removed %v", f.removed)
		}
	})
}
