package transcode

import (
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
)

// EventStream is the media type of server-sent events, which asks a stream for
// data: events instead of lines.
const EventStream = "text/event-stream"

// events writes each message of a stream as one server-sent event. The JSON
// holds no line break, so one data line is the whole event.
type events struct {
	*codec
}

// ContentType implements runtime.Marshaler.
func (events) ContentType(any) string { return EventStream }

// Delimiter is the empty line that ends an event.
func (events) Delimiter() []byte { return []byte("\n\n") }

// Marshal implements runtime.Marshaler.
func (e events) Marshal(v any) ([]byte, error) {
	body, err := e.codec.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append([]byte("data: "), body...), nil
}

var _ runtime.Delimited = events{}
