package requestreply

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// perTopic bounds the replies on their way to one topic. Sarama buffers 256
	// records (its ChannelBufferSize) for a topic whose leaders it looks for, and
	// beyond that holds up all topics: one that was removed must not get that far.
	perTopic = 128
	// shunned is how long nothing more is sent to a topic that did not take a
	// reply: an instance that has gone leaves many requests to be answered.
	shunned = 2 * time.Second
)

// errShunned says that the topic did not take a reply a moment ago.
var errShunned = errors.New("the reply topic took nothing a moment ago")

// lanes are the topics that replies are on their way to. Safe for concurrent
// use.
type lanes struct {
	mu sync.Mutex
	of map[string]*lane
}

// lane is one of them.
type lane struct {
	slots chan struct{}
	users int // under the lock of lanes

	mu    sync.Mutex
	until time.Time // shunned
}

func (l *lanes) enter(topic string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.of[topic]
	if at == nil {
		at = &lane{slots: make(chan struct{}, perTopic)}
		l.of[topic] = at
	}
	at.users++
	return at
}

// leave forgets a lane with its last user. That ends its being shunned too, when
// nobody is left to be answered.
func (l *lanes) leave(topic string, at *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at.users--
	if at.users == 0 {
		delete(l.of, topic)
	}
}

// take waits for a slot.
func (l *lane) take(ctx context.Context) error {
	if l.isShunned() {
		return errShunned
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if l.isShunned() {
		<-l.slots
		return errShunned
	}
	return nil
}

// put gives the slot back with what came of its use.
func (l *lane) put(err error) {
	if err != nil {
		l.mu.Lock()
		l.until = time.Now().Add(shunned)
		l.mu.Unlock()
	}
	<-l.slots
}

func (l *lane) isShunned() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until)
}
