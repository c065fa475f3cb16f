package publish

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/failure"
)

// What an error of Publish may wrap. ErrUnavailable is wrapped by all but
// ErrTooLarge.
var (
	// ErrUnavailable says that Kafka did not take the record.
	ErrUnavailable = errors.New("kafka is unavailable")
	// ErrIndefinite says that the record may be in the log, though nobody
	// acknowledged it; a retry with the same event id is safe, as every
	// consumer deduplicates (SEMANTICS 2).
	ErrIndefinite = fmt.Errorf("the record may or may not be in the log: %w", ErrUnavailable)
	// ErrOverloaded says that too many records wait for their ack already.
	ErrOverloaded = fmt.Errorf("too many records in flight: %w", ErrUnavailable)
	// ErrClosed says that the publisher was closed.
	ErrClosed = fmt.Errorf("the publisher is closed: %w", ErrUnavailable)
	// ErrLate says that the ack took longer than the event's Patience.
	ErrLate = fmt.Errorf("no ack in time: %w", ErrUnavailable)
	// ErrTooLarge says that the record exceeds its topic's bound, for ever.
	ErrTooLarge = errors.New("the record is too large for its topic")
)

func tooLarge(topic string, size, bound int) error {
	return failure.As(failure.Permanent, "RECORD_TOO_LARGE",
		fmt.Errorf("%s: %d bytes, %d allowed: %w", topic, size, bound, ErrTooLarge))
}

func unencodable(e Event, err error) error {
	return failure.As(failure.Permanent, "RECORD_UNENCODABLE", fmt.Errorf("encoding event %s for %s: %w", e.ID, e.Topic, err))
}

func overloaded(cfg Config) error {
	return failure.As(failure.Outage, "PUBLISHER_OVERLOADED",
		fmt.Errorf("%d records or %d bytes: %w", cfg.MaxInFlightRecords, cfg.MaxInFlightBytes, ErrOverloaded))
}

func unavailable(err error) error {
	return failure.As(failure.Outage, "KAFKA_UNAVAILABLE", join(ErrUnavailable, err))
}

func indefinite(err error) error {
	return failure.As(failure.Outage, "KAFKA_INDEFINITE", join(ErrIndefinite, err))
}

func join(kind, err error) error {
	if errors.Is(err, kind) {
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// classify tells what became of a record that the producer gave up. One that
// never reached a batch is not in the log. One that did may be: even where the
// last answer is a refusal, the answer to an earlier attempt may have been lost
// on its way, unless the refusal holds for every attempt alike.
func classify(err error, batched bool) error {
	_, ours := errors.AsType[sarama.ConfigurationError](err)
	switch {
	case ours:
		// The size with its framing, which thousands of headers make large.
		return failure.As(failure.Permanent, "RECORD_TOO_LARGE", join(ErrTooLarge, err))
	case errors.Is(err, sarama.ErrMessageSizeTooLarge):
		// The record is within the catalogue's bound, so the topic's own is
		// lower: no fault of this record, nor of those that shared its batch.
		return unavailable(fmt.Errorf("the topic's max.message.bytes is below %d, raise it: %w", broker.MaxBatchBytes, err))
	case !batched, errors.Is(err, sarama.ErrTopicAuthorizationFailed), errors.Is(err, sarama.ErrInvalidTopic):
		return unavailable(err)
	default:
		return indefinite(err)
	}
}

// spent says that the producer is of no more use. Either the broker lost its
// identity, gave it to another or refuses its sequence, so that only a new id
// goes on. Or the failure is not an answer of Kafka's but the want of one: then
// sarama goes on to refuse every record for 10 s (its breaker), also when a
// broker is back, and a new producer does not.
func spent(err error) bool {
	if answer, ok := errors.AsType[sarama.KError](err); ok {
		switch answer {
		case sarama.ErrOutOfOrderSequenceNumber, sarama.ErrUnknownProducerID, sarama.ErrInvalidProducerEpoch,
			sarama.ErrInvalidProducerIDMapping, sarama.ErrProducerFenced:
			return true
		default:
			return false
		}
	}
	_, ours := errors.AsType[sarama.ConfigurationError](err)
	return !ours && !errors.Is(err, sarama.ErrShuttingDown)
}
