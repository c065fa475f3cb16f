package requestreply

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/record"
	"floodgate.internal/proto/topics"
)

// errNoTopic says that the cluster does not know a topic.
var errNoTopic = errors.New("there is no such topic")

// cluster is what a Requester needs of Kafka beside publishing. Everything above
// this seam is tested in a synctest bubble over a log in memory.
type cluster interface {
	// create makes a topic and answers once every partition has a leader: the
	// topic's id and what its partitions hold.
	create(ctx context.Context, t topics.Topic) (id string, held []broker.Range, err error)
	// id answers a topic's id, or errNoTopic.
	id(ctx context.Context, topic string) (string, error)
	// read delivers the records of each partition from its Next on, partitions
	// beside each other, until ctx ends (nil) or they can be read no further.
	read(ctx context.Context, topic string, from []broker.Range, deliver func(*record.Record)) error
	// list answers the reply topics of a domain.
	list(ctx context.Context, domain string) ([]string, error)
	// lastLease answers the last heartbeat in a topic; nil where there is none.
	lastLease(ctx context.Context, topic string) (*record.Record, error)
	// remove removes a topic; errNoTopic says that somebody else has.
	remove(ctx context.Context, topic string) error
	close() error
}

// firstLook is how many records are looked at for the last heartbeat at first;
// twice as many each time that there is none among them.
const firstLook = 256

// kafka is the cluster itself. The reader has a client of its own: whatever
// shares a connection with its long poll waits for it.
type kafka struct {
	cfg    broker.Config
	reader sarama.Client
	admin  sarama.Client
	log    *slog.Logger
}

func openKafka(ctx context.Context, cfg broker.Config, log *slog.Logger) (*kafka, error) {
	reader, err := broker.Open(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	tune(reader.Config())
	admin, err := broker.Open(ctx, cfg, log)
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return &kafka{cfg: cfg, reader: reader, admin: admin, log: log}, nil
}

// tune sets what a reader of replies has of its own. The client has not read any
// of it yet.
func tune(c *sarama.Config) {
	// A record is answered as soon as it is there; MaxWaitTime, 100 ms, only
	// bounds a poll in which nothing comes.
	c.Consumer.Fetch.Min = 1
	c.Consumer.Return.Errors = true
}

func (k *kafka) create(ctx context.Context, t topics.Topic) (string, []broker.Range, error) {
	if err := broker.EnsureTopics(ctx, k.admin, k.cfg, []topics.Topic{t}); err != nil {
		return "", nil, err
	}
	id, err := k.id(ctx, t.Name)
	if err != nil {
		return "", nil, err
	}
	held, err := broker.Offsets(ctx, k.admin, t.Name)
	return id, held, err
}

func (k *kafka) id(ctx context.Context, topic string) (string, error) {
	ids, err := broker.TopicIDs(ctx, k.admin, []string{topic})
	if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		return "", errNoTopic
	}
	return ids[topic], err
}

func (k *kafka) list(_ context.Context, domain string) ([]string, error) {
	b := k.admin.LeastLoadedBroker()
	if b == nil {
		return nil, sarama.ErrOutOfBrokers
	}
	// Not the client's list, which may be a minute old.
	meta, err := b.GetMetadata(sarama.NewMetadataRequest(k.admin.Config().Version, nil))
	if err != nil {
		_ = b.Close() // The next attempt connects anew.
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	var names []string
	for _, t := range meta.Topics {
		if of, _, ok := topics.ReplyOf(t.Name); ok && of == domain && strings.HasPrefix(t.Name, topics.ReplyPrefix(domain)) {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

// lastLease looks from the end of the one partition that has the heartbeats,
// further back each time. What it reads is bounded by the replies between two
// heartbeats.
func (k *kafka) lastLease(ctx context.Context, topic string) (*record.Record, error) {
	held, err := broker.Offsets(ctx, k.admin, topic)
	if err != nil {
		return nil, err
	}
	at := held[topics.Topic{}.Partition([]byte(leaseKey), int32(len(held)))] //nolint:gosec // Kafka counts partitions in int32
	var last *record.Record
	for look, to := int64(firstLook), at.Next; last == nil && to > at.First; look *= 2 {
		from := max(at.First, to-look)
		err := broker.ReadRange(ctx, k.admin, topic, at.Partition, from, to, func(r *record.Record) error {
			if string(r.Key) == leaseKey {
				last = r
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		to = from
	}
	return last, nil
}

func (k *kafka) remove(_ context.Context, topic string) error {
	admin, err := sarama.NewClusterAdminFromClient(k.admin) // closes with the client
	if err != nil {
		return err
	}
	switch err := admin.DeleteTopic(topic); {
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		return errNoTopic
	case err != nil:
		return fmt.Errorf("removing topic %s: %w", topic, err)
	}
	return nil
}

func (k *kafka) close() error { return errors.Join(k.reader.Close(), k.admin.Close()) }
