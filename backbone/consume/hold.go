package consume

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"floodgate.internal/backbone/failure"
	"floodgate.internal/backbone/hold"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// Holds keeps which records of a key wait behind a dead-lettered one, outside
// of this process: hold.Store is one. Its methods are safe for concurrent use;
// what they answer nil to is durable.
type Holds interface {
	// Begin makes owner the only one who may Hold and Park in a partition, and
	// answers its held keys, at most limit.
	Begin(ctx context.Context, p hold.Partition, owner string, limit int) (keys []string, err error)
	// Hold holds a record that is about to be dead-lettered; hold.ErrFenced
	// where owner was not the last to begin.
	Hold(ctx context.Context, owner string, r hold.Record) error
	// Park holds a record if an earlier one of its key is held, and answers the
	// first such; hold.ErrFenced as Hold.
	Park(ctx context.Context, owner string, r hold.Record) (first int64, held bool, err error)
	// Before answers the first held record of the key that stands before r.
	Before(ctx context.Context, r hold.Record) (first int64, held bool, err error)
	// Release lets a record go whose effect is durable, and answers whether its
	// key is free.
	Release(ctx context.Context, r hold.Record) (free bool, err error)
}

// maxHeldKeys bounds the held keys that a claim has in memory, some 10 MiB.
// Beyond it, every record of the partition asks the store.
const maxHeldKeys = 100_000

// WaitsError is why a record was parked: an earlier one of its key is
// dead-lettered. Its class is failure.Held.
type WaitsError struct {
	// For is the first of the key's records that are held: the one to mend.
	For Position
}

// Error names the record that is waited for.
func (e *WaitsError) Error() string {
	return fmt.Sprintf("an earlier record of the key is dead-lettered: waits for %s", e.For)
}

// keeper knows the held keys of one claim (SEMANTICS 14). A claim of a source
// partition is the only one to add to them, so a key that is not among those it
// knows is free, and costs a record nothing. Claims of replay topics ask the
// store each time. Safe for concurrent use.
type keeper struct {
	holds  Holds
	source hold.Partition // as the claim began; of replay topics the group alone
	replay bool
	// owner is the name of this claim's last beginning, each of which has one of
	// its own; nil where another claim has begun since, and this one must begin
	// again.
	owner atomic.Pointer[string]

	mu    sync.Mutex
	known map[string]struct{} // every held key, and some that no longer are
	many  bool                // too many to know: any key may be held
}

// newKeeper answers nil where the group holds no keys.
func newKeeper(cfg *Config, c Claim) *keeper {
	if cfg.Holds == nil {
		return nil
	}
	return &keeper{
		holds: cfg.Holds, replay: isReplay(cfg, c.Topic),
		source: hold.Partition{Group: cfg.Group, Topic: c.Topic, Partition: c.Partition},
		known:  make(map[string]struct{}),
	}
}

func isReplay(cfg *Config, topic string) bool {
	for _, source := range cfg.Topics {
		if topic == topics.Replay(source, cfg.Group) {
			return true
		}
	}
	return false
}

// place answers where a record first stood; false for one that is in no order:
// without a key, or on a replay topic without an origin.
func (k *keeper) place(r *record.Record) (hold.Record, bool) {
	if k == nil || r.Key == nil {
		return hold.Record{}, false
	}
	at := hold.Record{Partition: k.source, Key: r.Key, Offset: r.Offset}
	if k.replay {
		origin, ok := Origin(r)
		at.Topic, at.Partition.Partition, at.Offset = origin.Topic, origin.Partition, origin.Offset
		return at, ok
	}
	return at, true
}

// begin learns the held keys of a source partition, and fences claims of it
// that began before.
func (k *keeper) begin(ctx context.Context) error {
	owner := uuid.NewString()
	keys, err := k.holds.Begin(ctx, k.source, owner, maxHeldKeys+1)
	if err != nil {
		return err
	}
	for _, key := range keys {
		k.learn([]byte(key))
	}
	k.owner.Store(&owner)
	return nil
}

func (k *keeper) learn(key []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.many = k.many || len(k.known) >= maxHeldKeys; !k.many {
		k.known[string(key)] = struct{}{}
	}
}

func (k *keeper) forget(key []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, string(key))
}

// mayHold says whether the store must be asked about a key.
func (k *keeper) mayHold(key []byte) bool {
	if k.replay {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	_, known := k.known[string(key)]
	return known || k.many
}

// wait is what a record waits for, if held.
type wait struct {
	first int64
	held  bool
}

// park answers what a record waits for. A live record is held by that, a
// replayed one has been since it was live.
func (k *keeper) park(ctx context.Context, at hold.Record) (w wait, err error) {
	if k.replay {
		w.first, w.held, err = k.holds.Before(ctx, at)
		return w, err
	}
	err = k.asOwner(ctx, func(owner string) error {
		w.first, w.held, err = k.holds.Park(ctx, owner, at)
		return err
	})
	return w, err
}

// hold holds a live record. A replay that fails again is held still; one that
// is not was passed by its key, which would otherwise go back in order.
func (k *keeper) hold(ctx context.Context, at hold.Record) error {
	if k.replay {
		return nil
	}
	k.learn(at.Key) // first: known is never less than what is held
	return k.asOwner(ctx, func(owner string) error { return k.holds.Hold(ctx, owner, at) })
}

// errBegan says that the claim has begun again and nothing else.
var errBegan = errors.New("another claim had begun: this one has begun again, and tries once more")

// asOwner does what another claim's beginning forbids. A try either begins again
// or does it, under the name of a beginning that was over before: a call that was
// left running when the claim was revoked may begin late, and even after the next
// owner, but then does nothing; and what it does late bears a name that is not
// the last one any more. Only a claim that is not revoked makes the next try.
func (k *keeper) asOwner(ctx context.Context, do func(owner string) error) error {
	owner := k.owner.Load()
	if owner == nil {
		if err := k.begin(ctx); err != nil {
			return err
		}
		return errBegan
	}
	err := do(*owner)
	if errors.Is(err, hold.ErrFenced) {
		k.owner.CompareAndSwap(owner, nil)
	}
	return err
}

func (k *keeper) release(ctx context.Context, at hold.Record) error {
	free, err := k.holds.Release(ctx, at)
	if err == nil && free {
		k.forget(at.Key)
	}
	return err
}

// given says that an operator gave a replayed record up: its key need not wait
// for it any more.
func (k *keeper) given(r *record.Record) bool {
	if k == nil || !k.replay {
		return false
	}
	verdict, _ := r.Get(record.HeaderDiscarded)
	_, replayed := Origin(r)
	return replayed && verdict == "true"
}

// parked is the failure of a record that waits.
func parked(at hold.Record, w wait) error {
	behind := Position{Topic: at.Topic, Partition: at.Partition.Partition, Offset: w.first}
	return failure.As(failure.Held, "KEY_HELD", &WaitsError{For: behind})
}
