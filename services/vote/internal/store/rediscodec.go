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
	// chunkFields is how many fields one command within a script takes: names
	// and values of them stay below the 8,000 values that Lua's stack takes, and
	// below what a build writes at once without holding up others for long.
	chunkFields = 1000
	// fixedTotals stand before the candidates' in a shard's totals.
	fixedTotals = 4
)

// errMeta says that a shard on Redis is not as the script writes it.
var errMeta = errors.New("a shard of the live view is corrupt")

// encodeChange answers the script's arguments, see scripts/apply.lua.
func encodeChange(c *casting.Change, ttl time.Duration) []any {
	chunks := (len(c.Fields) + chunkFields - 1) / chunkFields
	args := make([]any, 2, 2+3*max(1, chunks))
	args[0], args[1] = encodeHead(c, ttl), encodeExpects(c.Fields)
	for fields := c.Fields; ; fields = fields[chunkFields:] {
		chunk := fields[:min(chunkFields, len(fields))]
		args = append(args, encodeNames(chunk), encodeWrites(chunk), encodeDeletes(chunk))
		if len(chunk) == len(fields) {
			return args
		}
	}
}

func encodeHead(c *casting.Change, ttl time.Duration) []byte {
	b := make([]byte, 0, 64)
	b = msgp.AppendInt64(b, firstGeneration(c))
	b = msgp.AppendInt64(b, c.From)
	b = msgp.AppendInt64(b, c.To)
	b = msgp.AppendInt64(b, map[bool]int64{true: 1}[c.Replay])
	b = msgp.AppendInt64(b, ttl.Milliseconds())
	totals := totalsOf(c.Counts)
	b = msgp.AppendInt(b, len(totals))
	changed := 0
	for _, n := range totals {
		if n != 0 {
			changed++
		}
	}
	b = msgp.AppendArrayHeader(b, uint32(2*changed))
	for i, n := range totals {
		if n != 0 {
			b = msgp.AppendInt64(msgp.AppendInt(b, i+1), n)
		}
	}
	return b
}

// encodeExpects answers what fields must hold, "" where nothing is expected of
// any.
func encodeExpects(fields []casting.Field) []byte {
	expecting := 0
	for _, f := range fields {
		if len(f.Expect) > 0 {
			expecting++
		}
	}
	if expecting == 0 {
		return nil
	}
	b := msgp.AppendArrayHeader(nil, uint32(2*expecting))
	for i, f := range fields {
		if len(f.Expect) > 0 {
			b = msgp.AppendStringFromBytes(msgp.AppendInt(b, i+1), f.Expect)
		}
	}
	return b
}

func encodeDeletes(fields []casting.Field) (b []byte) {
	for _, f := range fields {
		if len(f.Value) == 0 && len(f.Expect) > 0 {
			b = msgp.AppendString(b, f.Name)
		}
	}
	return b
}

func encodeNames(fields []casting.Field) []byte {
	size := 0
	for i := range fields {
		size += len(fields[i].Name) + 5
	}
	b := make([]byte, 0, size)
	for i := range fields {
		b = msgp.AppendString(b, fields[i].Name)
	}
	return b
}

func encodeWrites(fields []casting.Field) []byte {
	size := 0
	for i := range fields {
		size += len(fields[i].Name) + len(fields[i].Value) + 10
	}
	b := make([]byte, 0, size)
	for i := range fields {
		if f := &fields[i]; len(f.Value) > 0 {
			b = msgp.AppendStringFromBytes(msgp.AppendString(b, f.Name), f.Value)
		}
	}
	return b
}

// totalsOf lists totals in the order in which a shard keeps them.
func totalsOf(c ballot.Counts) []int64 {
	return append([]int64{c.Duplicates, c.Rejected, c.Voided, c.Corrections}, c.Candidates...)
}

// decodeResult reads what the script answers.
func decodeResult(values []any) (casting.Result, error) {
	const head = 3
	var numbers [head]int64
	for i := range numbers {
		n, ok := int64(0), false
		if i < len(values) {
			n, ok = values[i].(int64)
		}
		if !ok {
			return casting.Result{}, fmt.Errorf("%w: the script answers %d values", errMeta, len(values))
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

// encodeMeta answers mark and totals as the script keeps them.
func encodeMeta(m casting.Mark, c ballot.Counts) []byte {
	totals := totalsOf(c)
	b := msgp.AppendArrayHeader(nil, uint32(len(totals)+2))
	b = msgp.AppendInt64(msgp.AppendInt64(b, m.Generation), m.Last)
	for _, n := range totals {
		b = msgp.AppendInt64(b, n)
	}
	return b
}

// decodeMeta reads what the script keeps.
func decodeMeta(stored []byte) (c casting.ShardCounts, err error) {
	n, rest, err := msgp.ReadArrayHeaderBytes(stored)
	if err != nil || n < 2+fixedTotals {
		return c, errors.Join(errMeta, err)
	}
	numbers := make([]int64, n)
	for i := range numbers {
		if numbers[i], rest, err = msgp.ReadInt64Bytes(rest); err != nil {
			return c, errors.Join(errMeta, err)
		}
	}
	c.Mark = casting.Mark{Generation: numbers[0], Last: numbers[1]}
	c.Counts = ballot.Counts{
		Duplicates: numbers[2], Rejected: numbers[3], Voided: numbers[4], Corrections: numbers[5],
		Candidates: numbers[2+fixedTotals:],
	}
	return c, nil
}
