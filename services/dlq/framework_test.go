package dlq_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
)

// framework is a consumer of another framework: a plain consumer group that knows
// nothing of Floodgate. What it cannot handle it tries again in place, then
// publishes it, whole and with its headers, as the framework does, awaits the ack
// and commits. Its own effects are by its business key, as everybody's must be who
// consumes from Kafka.
type framework struct {
	in *installation
	// name is the group, reads are its topics.
	name  string
	reads []string
	// letter makes the dead letter of a record.
	letter func(f *framework, m *sarama.ConsumerMessage) *sarama.ProducerMessage

	// holds has it pass what it cannot handle, and write its letter when released,
	// as one that moves a record on to topics of its own for later tries.
	holds bool

	producer sarama.SyncProducer
	mu       sync.Mutex
	held     []*sarama.ConsumerMessage
	// bad says of an order that it cannot be handled.
	bad func(order int) bool
	// handled are the places in the log at which each order was, order the orders
	// of each key as their effects happened, seen all that was handled.
	handled map[int]map[string]bool
	order   map[string][]int
	seen    []*sarama.ConsumerMessage
}

// springTries is how often Spring tries a record in place: its default is ten.
const springTries = 3

// run has the consumer read until the test ends or stop is called.
func (f *framework) run(in *installation) (stop func()) {
	in.t.Helper()
	f.in, f.handled, f.order = in, map[int]map[string]bool{}, map[string][]int{}
	cfg := broker.SaramaConfig(broker.Config{Brokers: in.Brokers})
	cfg.Producer.Return.Successes = true
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	cfg.Consumer.Offsets.AutoCommit.Enable = false
	var err error
	f.producer, err = sarama.NewSyncProducer(in.Brokers, cfg)
	in.must(err)
	member, err := sarama.NewConsumerGroup(in.Brokers, f.name, cfg)
	in.must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(in.t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if err := member.Consume(ctx, f.reads, f); err != nil && ctx.Err() == nil && !errors.Is(err, sarama.ErrClosedConsumerGroup) {
				in.t.Errorf("%s: %v", f.name, err)
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		_ = member.Close()
		_ = f.producer.Close()
	})
	in.t.Cleanup(stop)
	return stop
}

// Setup implements sarama.ConsumerGroupHandler.
func (*framework) Setup(sarama.ConsumerGroupSession) error { return nil }

// Cleanup implements sarama.ConsumerGroupHandler.
func (*framework) Cleanup(s sarama.ConsumerGroupSession) error {
	s.Commit()
	return nil
}

// ConsumeClaim implements sarama.ConsumerGroupHandler: it commits behind each
// batch that it finds, as Spring does by default.
func (f *framework) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	for m := range c.Messages() {
		if err := f.handle(m); err != nil {
			return err
		}
		s.MarkMessage(m, "")
		if len(c.Messages()) == 0 {
			s.Commit()
		}
	}
	s.Commit()
	return nil
}

func (f *framework) handle(m *sarama.ConsumerMessage) error {
	order, err := strconv.Atoi(string(m.Value))
	if err != nil {
		return err
	}
	for range springTries {
		if f.apply(order, m) {
			return nil
		}
	}
	f.mu.Lock()
	if f.holds {
		f.held = append(f.held, m)
		f.mu.Unlock()
		return nil
	}
	f.mu.Unlock()
	_, _, err = f.producer.SendMessage(f.letter(f, m))
	return err
}

// hold has it hold letters back from now on, or writes those that it has held.
func (f *framework) hold(holds bool) {
	f.in.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holds = holds
	for _, m := range f.held {
		_, _, err := f.producer.SendMessage(f.letter(f, m))
		f.in.must(err)
	}
	f.held = nil
}

// apply answers false for what cannot be handled.
func (f *framework) apply(order int, m *sarama.ConsumerMessage) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bad(order) {
		return false
	}
	f.seen = append(f.seen, m)
	if f.handled[order] == nil {
		f.handled[order] = map[string]bool{}
		f.order[string(m.Key)] = append(f.order[string(m.Key)], order)
	}
	f.handled[order][fmt.Sprintf("%s/%d@%d", m.Topic, m.Partition, m.Offset)] = true
	return true
}

// mend changes what cannot be handled.
func (f *framework) mend(bad func(order int) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bad = bad
}

// applied answers how many orders have had their effect, at how many places in the
// log one of them was at most, and whether each key's had it in their order. The
// same place may be handed to it twice, as Kafka does at a rebalance.
func (f *framework) applied() (orders, most int, inOrder bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	inOrder = true
	for _, places := range f.handled {
		if most = max(most, len(places)); len(places) > 1 {
			f.in.t.Logf("at %v", slices.Sorted(maps.Keys(places)))
		}
	}
	for _, orders := range f.order {
		inOrder = inOrder && slices.IsSorted(orders)
	}
	return len(f.handled), most, inOrder
}

func all(int) bool  { return true }
func none(int) bool { return false }

// springLetter is what DeadLetterPublishingRecoverer makes of a record by default:
// on the topic of the same name behind .DLT and the same partition, with all
// headers of the record, then where it stood, added to what may be there, then the
// exception, in place of what is there.
func springLetter(f *framework, m *sarama.ConsumerMessage) *sarama.ProducerMessage {
	out := &sarama.ProducerMessage{
		Topic: m.Topic + ".DLT", Partition: m.Partition, Key: sarama.ByteEncoder(m.Key), Value: sarama.ByteEncoder(m.Value),
	}
	add := func(name string, value []byte) {
		out.Headers = append(out.Headers, sarama.RecordHeader{Key: []byte(name), Value: value})
	}
	for _, h := range m.Headers {
		if !strings.HasPrefix(string(h.Key), "kafka_dlt-exception-") {
			add(string(h.Key), h.Value)
		}
	}
	add("kafka_dlt-original-topic", []byte(m.Topic))
	add("kafka_dlt-original-partition", binary.BigEndian.AppendUint32(nil, uint32(m.Partition))) //nolint:gosec // as Java writes it
	add("kafka_dlt-original-offset", binary.BigEndian.AppendUint64(nil, uint64(m.Offset)))       //nolint:gosec // as Java writes it
	add("kafka_dlt-original-timestamp", binary.BigEndian.AppendUint64(nil, uint64(m.Timestamp.UnixMilli())))
	add("kafka_dlt-original-timestamp-type", []byte("CreateTime"))
	add("kafka_dlt-original-consumer-group", []byte(f.name))
	add("kafka_dlt-exception-fqcn", []byte("org.springframework.kafka.listener.ListenerExecutionFailedException"))
	add("kafka_dlt-exception-cause-fqcn", []byte("com.example.orders.UnknownCustomerException"))
	add("kafka_dlt-exception-message", []byte("Listener failed; customer "+string(m.Value)+" is unknown"))
	add("kafka_dlt-exception-stacktrace", []byte("org.springframework.kafka.listener.ListenerExecutionFailedException: Listener failed\n"+
		"\tat com.example.orders.BillingListener.onOrder(BillingListener.java:42)\n"))
	return out
}

// connectLetter is what Connect's DeadLetterQueueReporter makes of a record of a
// sink connector, on the topic given: with the record's own time and headers, and
// its context behind them.
func connectLetter(topic string) func(*framework, *sarama.ConsumerMessage) *sarama.ProducerMessage {
	return func(f *framework, m *sarama.ConsumerMessage) *sarama.ProducerMessage {
		out := &sarama.ProducerMessage{
			Topic: topic, Key: sarama.ByteEncoder(m.Key), Value: sarama.ByteEncoder(m.Value), Timestamp: m.Timestamp,
		}
		for _, h := range m.Headers {
			out.Headers = append(out.Headers, *h)
		}
		for _, h := range [][2]string{
			{"topic", m.Topic}, {"partition", fmt.Sprint(m.Partition)}, {"offset", fmt.Sprint(m.Offset)},
			{"connector.name", strings.TrimPrefix(f.name, "connect-")}, {"task.id", "0"}, {"stage", "VALUE_CONVERTER"},
			{"class.name", "org.apache.kafka.connect.json.JsonConverter"}, {"exception.class.name", "org.apache.kafka.connect.errors.DataException"},
			{"exception.message", "Converting byte[] to Kafka Connect data failed"}, {"exception.stacktrace", "org.apache.kafka.connect.errors.DataException\n\tat x.Y.z(Y.java:1)\n"},
		} {
			out.Headers = append(out.Headers, sarama.RecordHeader{Key: []byte("__connect.errors." + h[0]), Value: []byte(h[1])})
		}
		return out
	}
}

// shop are the topics and the group of somebody else's, of this test alone.
type shop struct{ orders, again, billing, connect string }

func (w *writers) shop() shop {
	w.t.Helper()
	name := fmt.Sprintf("orders-%d", time.Now().UnixNano())
	s := shop{orders: name, again: name + ".again", billing: "billing-" + name, connect: name + ".connect-dlq"}
	for _, topic := range []string{s.orders, s.again, s.orders + ".DLT", s.again + ".DLT"} {
		w.createWide(topic, 3)
	}
	w.create(s.connect)
	for _, topic := range []string{s.orders, s.again, s.orders + ".DLT", s.again + ".DLT", s.connect} {
		w.led(topic)
	}
	return s
}

// led waits until a new topic has its leaders, as the broker tells clients.
func (w *writers) led(topic string) {
	w.t.Helper()
	in := installation{t: w.t}
	in.eventually(topic+" has leaders", func() bool {
		_ = w.client.RefreshMetadata(topic)
		writable, err := w.client.WritablePartitions(topic)
		all, known := w.client.Partitions(topic)
		return err == nil && known == nil && len(all) > 0 && len(writable) == len(all)
	})
}

// order publishes orders [from, to) over some keys, in order.
func (w *writers) order(topic string, from, to int) {
	w.t.Helper()
	cfg := broker.SaramaConfig(broker.Config{Brokers: w.brokers})
	cfg.Producer.Return.Successes = true
	cfg.Producer.Partitioner = sarama.NewMurmur2Partitioner
	producer, err := sarama.NewSyncProducer(w.brokers, cfg)
	w.must(err)
	defer func() { _ = producer.Close() }()
	var all []*sarama.ProducerMessage
	for n := from; n < to; n++ {
		all = append(all, &sarama.ProducerMessage{
			Topic: topic, Key: sarama.StringEncoder(fmt.Sprint("customer-", n%17)), Value: sarama.StringEncoder(strconv.Itoa(n)),
			Headers: []sarama.RecordHeader{{Key: []byte("tenant"), Value: []byte("acme")}},
		})
	}
	w.must(producer.SendMessages(all))
}
