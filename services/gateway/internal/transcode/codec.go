package transcode

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/gateway/internal/exchange"
	"floodgate.internal/services/gateway/internal/statusjson"
)

// codec is the proto3 JSON mapping with Floodgate's strictness: unknown and
// repeated fields, trailing garbage and invalid UTF-8 are refused; defaults are
// printed and absent optional fields are not. It implements runtime.Marshaler
// and is safe for concurrent use.
type codec struct {
	marshal   protojson.MarshalOptions
	unmarshal protojson.UnmarshalOptions
}

// newCodec makes the codec of every JSON body.
func newCodec() *codec {
	return &codec{marshal: protojson.MarshalOptions{EmitDefaultValues: true}}
}

// ContentType implements runtime.Marshaler.
func (c *codec) ContentType(any) string { return statusjson.ContentType }

// Delimiter ends a message of a stream: one per line.
func (c *codec) Delimiter() []byte { return []byte("\n") }

// Marshal writes a message, or one message of a stream in the envelope that
// grpc-gateway makes: {"result": …} or {"error": …}.
func (c *codec) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case proto.Message:
		return c.message(v)
	case map[string]any:
		return c.envelope("result", v["result"])
	case map[string]proto.Message:
		return c.envelope("error", v["error"])
	default:
		return json.Marshal(v)
	}
}

// message writes a message by itself.
func (c *codec) message(m proto.Message) ([]byte, error) {
	switch m := m.(type) {
	case *votev1.CastVoteResponse:
		if buf, ok := writeCastVote(m); ok {
			return buf, nil
		}
	case *spb.Status:
		return statusjson.Marshal(status.FromProto(m)), nil
	}
	buf, err := c.marshal.MarshalAppend(make([]byte, 0, 256), m)
	if err != nil {
		return nil, err
	}
	return withoutAbsent(m, buf)
}

// envelope writes a message as the one member of an object.
func (c *codec) envelope(name string, v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, errors.New("transcode: a stream's message is no protobuf message")
	}
	body, err := c.message(m)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 0, len(body)+len(name)+5)
	buf = append(append(append(buf, `{"`...), name...), `":`...)
	return append(append(buf, body...), '}'), nil
}

// Unmarshal implements runtime.Marshaler; requests come through NewDecoder.
func (c *codec) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return errors.New("transcode: the target is no protobuf message")
	}
	return c.read(data, m)
}

// read decodes a body into an empty message.
func (c *codec) read(data []byte, m proto.Message) error {
	if vote, ok := m.(*votev1.CastVoteRequest); ok && readCastVote(data, vote) {
		return nil
	}
	return c.unmarshal.Unmarshal(data, m) // clears m first
}

// NewDecoder decodes a request's body. Its Decode answers io.EOF for an empty
// one, which grpc-gateway takes as a message without fields.
func (c *codec) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		body, ok := r.(*exchange.Body)
		message, isMessage := v.(proto.Message)
		if !ok || !isMessage {
			return errors.New("transcode: neither a body read by the edge nor a message")
		}
		data := body.Take()
		if len(bytes.TrimSpace(data)) == 0 {
			return io.EOF
		}
		if err := c.read(data, message); err != nil {
			body.RefusalError = refuse(message, data, err)
			return err
		}
		body.RefusalError = contradiction(message, body.Params)
		return body.RefusalError.Err() // nil for none
	})
}

// NewEncoder implements runtime.Marshaler.
func (c *codec) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		buf, err := c.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(buf)
		return err
	})
}
