package spool

import (
	"encoding/binary"
	"errors"

	"floodgate.internal/backbone/record"
)

// codecVersion begins every row; a row of another one is of a newer program.
const codecVersion = 1

// errRow says that a row does not hold a record.
var errRow = errors.New("a spool row holds no record of version 1")

// encodeRecord writes key, value and headers; nil stays apart from empty.
func encodeRecord(r *record.Record) []byte {
	b := make([]byte, 0, r.Size()+8*len(r.Headers)+16)
	b = append(b, codecVersion)
	b = appendBytes(appendBytes(b, r.Key), r.Value)
	b = binary.AppendUvarint(b, uint64(len(r.Headers)))
	for _, h := range r.Headers {
		b = binary.AppendUvarint(b, uint64(len(h.Key)))
		b = append(b, h.Key...)
		b = appendBytes(b, h.Value)
	}
	return b
}

// appendBytes writes the length plus one, 0 being nil, and the bytes.
func appendBytes(b, v []byte) []byte {
	if v == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(v))+1), v...)
}

// decodeRecord reads what encodeRecord wrote; the record points into b, with
// room for one more header.
func decodeRecord(b []byte) (record.Record, error) {
	d := decoder{b: b}
	if version := d.take(1); len(version) != 1 || version[0] != codecVersion {
		return record.Record{}, errRow
	}
	var r record.Record
	r.Key, r.Value = d.bytes(), d.bytes()
	// A header takes two bytes at least: no count makes room for more than came.
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		return record.Record{}, errRow
	}
	r.Headers = make([]record.Header, 0, n+1)
	for range n {
		key := d.take(d.uvarint())
		r.Headers = append(r.Headers, record.Header{Key: string(key), Value: d.bytes()})
	}
	if d.broken || len(d.b) > 0 {
		return record.Record{}, errRow
	}
	return r, nil
}

// decoder reads from the front of b; after the first fault it answers nothing.
type decoder struct {
	b      []byte
	broken bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || d.broken {
		d.broken = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) || d.broken {
		d.broken = true
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n == 0 {
		return nil
	}
	return d.take(n - 1)
}
