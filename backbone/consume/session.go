package consume

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"
)

// session adapts the runtime to sarama's consumer group.
type session struct {
	group  *Group
	client sarama.Client
	base   context.Context // values only; it never ends
	cause  error           // why the session ended; read after Consume returned
}

// Setup is called when the group has been joined.
func (s *session) Setup(sess sarama.ConsumerGroupSession) error {
	s.group.log.InfoContext(s.base, "joined", "generation", sess.GenerationID(), "claims", sess.Claims())
	s.group.readyOnce.Do(func() { close(s.group.ready) })
	return nil
}

// Cleanup is called after the last claim ended.
func (s *session) Cleanup(sess sarama.ConsumerGroupSession) error {
	s.cause = context.Cause(sess.Context())
	return nil
}

// ConsumeClaim runs a claim. It returns only when the claim is over: sarama ends
// the whole session for one that returns sooner, and commits what was marked
// once it returned.
func (s *session) ConsumeClaim(sess sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	c := Claim{Topic: claim.Topic(), Partition: claim.Partition(), Generation: sess.GenerationID(), Start: claim.InitialOffset()}
	if c.Start < 0 {
		// Nothing was committed yet: the number stands for the oldest record.
		oldest, err := s.client.GetOffset(c.Topic, c.Partition, c.Start)
		if err != nil {
			return fmt.Errorf("oldest offset: %w", err)
		}
		c.Start = oldest
	}
	src := &kafkaSource{sess: sess, claim: claim, revoked: make(chan struct{})}
	go src.watch(s.group)
	s.group.serve(s.base, c, src)
	return nil
}

// kafkaSource is a sarama claim as a source.
type kafkaSource struct {
	sess    sarama.ConsumerGroupSession
	claim   sarama.ConsumerGroupClaim
	revoked chan struct{}
}

// Messages implements source.
func (k *kafkaSource) Messages() <-chan *sarama.ConsumerMessage { return k.claim.Messages() }

// Revoked implements source.
func (k *kafkaSource) Revoked() <-chan struct{} { return k.revoked }

// Mark implements source.
func (k *kafkaSource) Mark(next int64) {
	k.sess.MarkOffset(k.claim.Topic(), k.claim.Partition(), next, "")
}

// watch tells when the claim is revoked. Sarama says so by closing Messages,
// which a reader whose window is full would see only after reading what is
// buffered; the claim's errors are closed at the same moment and are empty
// else. Where a claim has none, the session's end and Messages must do.
func (k *kafkaSource) watch(g *Group) {
	defer close(k.revoked)
	claim, ok := k.claim.(interface {
		Errors() <-chan *sarama.ConsumerError
	})
	if !ok {
		<-k.sess.Context().Done()
		return
	}
	for {
		select {
		case err, open := <-claim.Errors():
			if !open {
				return
			}
			g.log.Warn("kafka consumer", "err", err)
		case <-k.sess.Context().Done():
			return
		}
	}
}
