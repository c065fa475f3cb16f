package lag

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(second float64) time.Time { return time.Unix(0, int64(second*1e9)) }

func TestARecordIsAsOldAsTheLogsGrowthSays(t *testing.T) {
	t.Parallel()
	var g growth
	for _, s := range []struct {
		end    int64
		second float64
	}{{100, 0}, {100, 60}, {160, 120}, {160, 180}, {400, 200}} {
		g.saw(s.end, at(s.second))
	}
	for offset, want := range map[int64]float64{100: 60, 130: 90, 159: 119, 160: 180, 280: 190} {
		if came, ok := g.at(offset); !ok || came.Sub(at(want)).Abs() > time.Second {
			t.Errorf("record %d came at %v, %v; want second %v", offset, came, ok, want)
		}
	}
	for _, offset := range []int64{99, 400, 500} {
		if came, ok := g.at(offset); ok {
			t.Errorf("record %d came at %v, though nobody saw it", offset, came)
		}
	}
}

func TestARecordThatWasReadIsKnownFromThen(t *testing.T) {
	t.Parallel()
	var g growth
	g.saw(100, at(60))
	g.read(40, at(10))
	if came, ok := g.at(70); !ok || came != at(35) {
		t.Errorf("between what was read and what was seen: %v, %v", came, ok)
	}
	g.read(20, at(90)) // by a clock that runs ahead
	if came, ok := g.at(20); !ok || came != at(10) {
		t.Errorf("by another clock: %v, %v", came, ok)
	}
}

func TestALogMadeAnewHasNoPast(t *testing.T) {
	t.Parallel()
	var g growth
	g.saw(100, at(0))
	g.saw(200, at(1))
	g.saw(50, at(2))
	g.saw(250, at(3))
	if _, ok := g.at(40); ok {
		t.Error("offsets of the old log are known")
	}
	if came, ok := g.at(50); !ok || came != at(2) {
		t.Errorf("offset 50: %v, %v", came, ok)
	}
}

// However the log grew: an age is never wrong by more than the time between the
// two looks around the record, those looks that were thinned out reckoned in,
// and what is kept is bounded.
func TestAgesAreAsGoodAsTheLooksAroundThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var g growth
		var came []time.Time // of each record
		now := 0.0
		for range rapid.IntRange(1, 300).Draw(t, "looks") {
			for range rapid.IntRange(0, 3).Draw(t, "records") {
				now += rapid.Float64Range(0, 1).Draw(t, "pause")
				came = append(came, at(now))
			}
			now += rapid.Float64Range(0, 1).Draw(t, "until the look")
			g.saw(int64(len(came)), at(now))
		}
		if len(g.samples) > maxSamples {
			t.Fatalf("%d samples are kept", len(g.samples))
		}
		for offset := range came {
			est, ok := g.at(int64(offset))
			if known := int64(offset) >= g.samples[0].offset; ok != known {
				t.Fatalf("record %d: known %v, seen %v", offset, ok, known)
			}
			if !ok {
				continue
			}
			i, found := g.find(int64(offset))
			if !found {
				i--
			}
			from, to := g.samples[i].last, g.samples[i+1].first
			if est.Before(from) || est.After(to) || came[offset].Before(from) || came[offset].After(to) {
				t.Fatalf("record %d came %v, guessed %v, the looks around it: %v to %v", offset, came[offset], est, from, to)
			}
		}
	})
}
