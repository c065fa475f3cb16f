package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/tinylib/msgp/msgp"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

const (
	// metaField is the field with a shard's mark and totals. Fields of voters and
	// votes have a slash in their names.
	metaField = "m"
	// markWidth is how many numbers stand before the totals in that field.
	markWidth = 2
)

// errCorrupt says that a shard on Redis is not as the scripts write it.
var errCorrupt = errors.New("a shard of the live view is corrupt")

// encodeChange answers the arguments of scripts/apply.lua.
func encodeChange(c *casting.Change, ttl time.Duration) []any {
	head := make([]byte, 0, 128)
	head = msgp.AppendInt64(head, firstGeneration(c))
	head = msgp.AppendInt64(head, c.From)
	head = msgp.AppendInt64(head, c.To)
	replay := 0
	if c.Replay {
		replay = 1
	}
	head = msgp.AppendInt(head, replay)
	head = msgp.AppendInt64(head, ttl.Milliseconds())
	head = appendDeltas(head, c.Counts)
	head = appendExpected(head, c.Fields)
	head = appendDeleted(head, c.Fields)
	return []any{head, encodeFields(c.Fields)}
}

// appendDeltas writes how many totals there are, and those that change. Places
// count from 1, as Lua does.
func appendDeltas(b []byte, c ballot.Counts) []byte {
	all := totals(c)
	changed := uint32(0)
	for _, n := range all {
		if n != 0 {
			changed++
		}
	}
	b = msgp.AppendInt(b, len(all))
	b = msgp.AppendArrayHeader(b, 2*changed)
	for i, n := range all {
		if n != 0 {
			b = msgp.AppendInt64(msgp.AppendInt(b, i+1), n)
		}
	}
	return b
}

// appendExpected writes what fields must hold, by place. Fields of which nothing
// is expected are left out: in a burst that is all of them.
func appendExpected(b []byte, fields []casting.Field) []byte {
	expecting := uint32(0)
	for i := range fields {
		if len(fields[i].Expect) > 0 {
			expecting++
		}
	}
	b = msgp.AppendArrayHeader(b, 2*expecting)
	for i := range fields {
		if expect := fields[i].Expect; len(expect) > 0 {
			b = msgp.AppendStringFromBytes(msgp.AppendInt(b, i+1), expect)
		}
	}
	return b
}

// appendDeleted writes the places of fields that end up holding nothing.
func appendDeleted(b []byte, fields []casting.Field) []byte {
	deleted := uint32(0)
	for i := range fields {
		if len(fields[i].Value) == 0 {
			deleted++
		}
	}
	b = msgp.AppendArrayHeader(b, deleted)
	for i := range fields {
		if len(fields[i].Value) == 0 {
			b = msgp.AppendInt(b, i+1)
		}
	}
	return b
}

// encodeFields writes all names and values as one argument. It is most of what
// is sent, so its size is known before the first byte is written.
func encodeFields(fields []casting.Field) []byte {
	// At most five bytes say what follows, and how long it is.
	size := msgp.ArrayHeaderSize
	for i := range fields {
		size += len(fields[i].Name) + len(fields[i].Value) + 2*msgp.StringPrefixSize
	}
	b := msgp.AppendArrayHeader(make([]byte, 0, size), uint32(2*len(fields)))
	for i := range fields {
		b = msgp.AppendString(b, fields[i].Name)
		b = msgp.AppendStringFromBytes(b, fields[i].Value)
	}
	return b
}

// decodeResult reads what scripts/apply.lua answers.
func decodeResult(values []any) (casting.Result, error) {
	const head = 3
	var numbers [head]int64
	for i := range numbers {
		n, ok := int64(0), false
		if i < len(values) {
			n, ok = values[i].(int64)
		}
		if !ok {
			return casting.Result{}, fmt.Errorf("%w: the script answers %d values", errCorrupt, len(values))
		}
		numbers[i] = n
	}
	r := casting.Result{Outcome: casting.Outcome(numbers[0]), Mark: casting.Mark{Generation: numbers[1], Last: numbers[2]}}
	if r.Outcome != casting.Conflict {
		return r, nil
	}
	r.Actual = make([][]byte, len(values)-head)
	for i, value := range values[head:] {
		if s, ok := value.(string); ok {
			r.Actual[i] = []byte(s)
		}
	}
	return r, nil
}

// encodeMeta answers mark and totals as the scripts keep them.
func encodeMeta(m casting.Mark, c ballot.Counts) []byte {
	all := totals(c)
	b := msgp.AppendArrayHeader(nil, uint32(markWidth+len(all)))
	b = msgp.AppendInt64(msgp.AppendInt64(b, m.Generation), m.Last)
	for _, n := range all {
		b = msgp.AppendInt64(b, n)
	}
	return b
}

// decodeMeta reads what the scripts keep.
func decodeMeta(stored []byte) (c casting.ShardCounts, err error) {
	n, rest, err := msgp.ReadArrayHeaderBytes(stored)
	if err != nil || n < markWidth {
		return c, errors.Join(errCorrupt, err)
	}
	numbers := make([]int64, n)
	for i := range numbers {
		if numbers[i], rest, err = msgp.ReadInt64Bytes(rest); err != nil {
			return c, errors.Join(errCorrupt, err)
		}
	}
	c.Mark = casting.Mark{Generation: numbers[0], Last: numbers[1]}
	c.Counts, err = countsFrom(numbers[markWidth:])
	return c, err
}
