package stream

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"floodgate.internal/backbone/record"
	"floodgate.internal/services/dlq/internal/redrive"
)

// foreignHeaders answers the headers of a record on its way back to a group of
// another framework: its own in their order, then the replay's, and where it first
// failed, in Apache's names. What its framework told of the error is left out, as
// it would pile up, and with it the framework's own counts of tries: a consumer
// that finds them takes the record for one that it has given up.
//
// The framework copies all of it into the dead letter of a record that fails again,
// by which that is known (silent.again).
func foreignHeaders(r *redrive.Redelivery) []record.Header {
	var headers []record.Header
	for _, h := range r.Headers {
		if slices.Contains(errorHeaders(), h.Key) || ofFramework(h.Key) {
			continue
		}
		headers = append(headers, record.Header(h))
	}
	for _, h := range []struct{ name, value string }{
		{record.HeaderReplayID, r.Replay},
		{record.HeaderFailureID, r.ID},
		{record.HeaderAttempt, strconv.Itoa(int(max(r.Replays, 1)))},
		{record.HeaderErrorTopic, r.Topic},
		{record.HeaderErrorPartition, strconv.Itoa(int(r.Partition))},
		{record.HeaderErrorOffset, strconv.FormatInt(r.Offset, 10)},
		{record.HeaderErrorGroup, r.Group},
		{record.HeaderErrorDeliveryCount, strconv.Itoa(int(r.Attempts))},
		{record.HeaderFirstFailedAt, time.UnixMicro(r.FirstFailedAt).UTC().Format(time.RFC3339Nano)},
	} {
		headers = record.Set(headers, h.name, h.value)
	}
	return headers
}

// ofFramework says that Spring Kafka or Kafka Connect puts a header of that name
// to what it could not handle.
func ofFramework(name string) bool {
	for _, prefix := range []string{
		springPrefix, connectPrefix, "kafka_original-", "kafka_exception-", "kafka_key-exception-", "retry_topic-", "springDeserializerException",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == springDelivery
}
