package stream

import (
	"encoding/binary"
	"strings"

	"floodgate.internal/backbone/record"
	"floodgate.internal/services/dlq/internal/letter"
)

// Headers of Spring Kafka's DeadLetterPublishingRecoverer (KafkaHeaders of
// spring-kafka 3). Integers are big-endian, of four bytes for the partition and
// the attempts, of eight for the offset.
const (
	springTopic      = "kafka_dlt-original-topic"
	springPartition  = "kafka_dlt-original-partition"
	springOffset     = "kafka_dlt-original-offset"
	springGroup      = "kafka_dlt-original-consumer-group"
	springException  = "kafka_dlt-exception-fqcn"
	springCause      = "kafka_dlt-exception-cause-fqcn"
	springMessage    = "kafka_dlt-exception-message"
	springStacktrace = "kafka_dlt-exception-stacktrace"
	springAttempts   = "retry_topic-attempts"
	springDelivery   = "kafka_deliveryAttempt"
)

// A record that went through retry topics (@RetryableTopic) has the same names
// with another beginning.
const (
	springPrefix        = "kafka_dlt-"
	springRetriedPrefix = "kafka_"
	springRetriedTopic  = "kafka_original-topic"
	springRetriedError  = "kafka_exception-fqcn"
)

func ofSpring(r *record.Record) bool {
	return has(r, springTopic) || has(r, springException) || has(r, springRetriedTopic) || has(r, springRetriedError)
}

// springHeader answers a header of a letter by its name in the first form.
func springHeader(r *record.Record, name string) string {
	return firstOf(get(r, name), get(r, springRetriedPrefix+strings.TrimPrefix(name, springPrefix)))
}

// spring reads a letter of Spring Kafka. Its class is the cause's: the exception
// itself is the listener container's own as a rule.
func spring(r *record.Record, l *letter.Letter) {
	l.Topic, l.Group = springHeader(r, springTopic), springHeader(r, springGroup)
	l.Partition, l.Offset = letter.NoPlace, letter.NoPlace
	partition, okPartition := int32Of(springHeader(r, springPartition))
	offset, okOffset := int64Of(springHeader(r, springOffset))
	if okPartition && okOffset && partition >= 0 && offset >= 0 {
		l.Partition, l.Offset = partition, offset
	}
	if l.Topic == "" || l.Partition == letter.NoPlace {
		// Without an origin two records of one payload would be one failure.
		l.Topic, l.Partition, l.Offset = r.Topic, r.Partition, r.Offset
	}
	l.Service = firstOf(l.Group, "spring")
	l.Class = firstOf(springHeader(r, springCause), springHeader(r, springException), "UNKNOWN")
	l.Reason = simpleName(l.Class)
	l.Message, l.Stack = springHeader(r, springMessage), springHeader(r, springStacktrace)
	l.Message, _ = splitStack(l.Message)
	attempts, _ := int32Of(firstOf(get(r, springAttempts), get(r, springDelivery)))
	l.Attempts = attempts
}

func int32Of(b string) (int32, bool) {
	if len(b) != 4 {
		return 0, false
	}
	return int32(binary.BigEndian.Uint32([]byte(b))), true //nolint:gosec // as it was written
}

func int64Of(b string) (int64, bool) {
	if len(b) != 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64([]byte(b))), true //nolint:gosec // as it was written
}

// simpleName is a class's name without its package.
func simpleName(class string) string {
	return class[strings.LastIndexAny(class, ".$")+1:]
}

// firstOf answers the first text that is not empty.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
