package stream

import (
	"floodgate.internal/backbone/record"
	"floodgate.internal/services/dlq/internal/letter"
)

// Headers of Kafka Connect's sink connectors (errors.deadletterqueue.context.
// headers.enable), all of them text.
const (
	connectTopic      = "__connect.errors.topic"
	connectPartition  = "__connect.errors.partition"
	connectOffset     = "__connect.errors.offset"
	connectConnector  = "__connect.errors.connector.name"
	connectStage      = "__connect.errors.stage"
	connectException  = "__connect.errors.exception.class.name"
	connectMessage    = "__connect.errors.exception.message"
	connectStacktrace = "__connect.errors.exception.stacktrace"
)

// connectPrefix is that of all of them.
const connectPrefix = "__connect.errors."

func ofConnect(r *record.Record) bool { return has(r, connectTopic) || has(r, connectConnector) }

// connect reads a letter of Kafka Connect. A sink connector's consumer group is
// its name behind "connect-".
func connect(r *record.Record, l *letter.Letter) {
	l.Service = firstOf(get(r, connectConnector), "connect")
	l.Topic, l.Group = get(r, connectTopic), "connect-"+l.Service
	l.Partition, l.Offset = place(get(r, connectPartition), get(r, connectOffset))
	if l.Topic == "" || l.Partition == letter.NoPlace {
		l.Topic, l.Partition, l.Offset = r.Topic, r.Partition, r.Offset
	}
	l.Class = firstOf(get(r, connectException), "UNKNOWN")
	l.Reason = firstOf(get(r, connectStage), simpleName(l.Class))
	l.Message, _ = splitStack(get(r, connectMessage))
	l.Stack = get(r, connectStacktrace)
}
