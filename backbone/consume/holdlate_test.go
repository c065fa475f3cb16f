package consume

import (
	"testing"
	"testing/synctest"
	"time"

	"floodgate.internal/backbone/hold"
)

// A claim that was fenced is revoked while it begins again, and that beginning
// comes after the next owner's: it must not hold a key any more, since nobody
// would write the letter, and no replay would ever end it.
func TestALateBeginningHoldsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		holds, dead, h := newFakeHolds(), &fakeLetters{}, &stubborn{bad: map[string]bool{"0": true}}
		cfg := holding(holds)
		cfg.DrainTimeout = time.Second
		src := newFakeSource(16)
		_, end := beginOn(t, cfg, sourceClaim(0), src, h, dead)
		synctest.Wait()
		at := hold.Partition{Group: "g", Topic: "t", Partition: 1}
		if _, err := holds.Begin(t.Context(), at, "somebody else", 1); err != nil { // so that its first hold is fenced
			t.Fatal(err)
		}
		holds.mu.Lock()
		first := holds.calls
		holds.takes = func() time.Duration {
			if holds.calls == first+1 { // the hold that is fenced
				return 0
			}
			return 10 * time.Second // its beginning, and what would follow
		}
		holds.mu.Unlock()
		src.send(0, "a")
		pass(time.Second)
		end()
		holds.mu.Lock()
		holds.takes = nil
		holds.mu.Unlock()
		h.mend("0")
		src = newFakeSource(16)
		_, end = beginOn(t, cfg, sourceClaim(0), src, h, dead)
		src.send(0, "a")
		pass(time.Minute)
		if got := holds.held("a"); len(got) != 0 || h.order() != "0" || len(dead.got) != 0 {
			t.Errorf("held %v, applied %s, %d letters", got, h.order(), len(dead.got))
		}
		end()
	})
}
