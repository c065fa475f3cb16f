package ballot

import (
	"encoding/binary"
	"fmt"
	"math"
)

// decoder reads stored state. The first fault sticks and every later read
// answers zero, so that callers check once.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrCorrupt, what)
	}
	d.rest = nil
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail("no version")
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.fail("number")
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// count reads a number that fits an int32. Nothing is allocated by it: loops over
// a count end at the first fault.
func (d *decoder) count() int {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > math.MaxInt32 {
		d.fail("count")
		return 0
	}
	d.rest = d.rest[size:]
	return int(n)
}

func (d *decoder) string() string {
	n := d.count()
	if n > len(d.rest) {
		d.fail("text")
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) void() Void {
	v := Void{Offset: d.varint(), Reason: d.string()}
	for n := d.count(); n > 0 && d.err == nil; n-- {
		v.IDs = append(v.IDs, d.string())
	}
	return v
}
