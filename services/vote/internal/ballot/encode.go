package ballot

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrCorrupt says that stored state cannot be read back.
var ErrCorrupt = errors.New("the stored voter is corrupt")

// encodingVersion is the first byte of every stored voter; a new layout takes
// the next number and keeps reading the old ones.
const encodingVersion = 1

// Encode answers the voter in its stored form: small, as a live view holds one
// for each voter. Equal voters have equal encodings, so views compare them.
func (v *Voter) Encode() []byte {
	b := make([]byte, 0, 64)
	b = append(b, encodingVersion)
	b = binary.AppendUvarint(b, uint64(len(v.Votes)))
	for _, vote := range v.Votes {
		b = appendString(b, vote.ID)
		b = appendString(b, vote.Candidate)
		b = binary.AppendVarint(b, vote.Offset)
		b = binary.AppendVarint(b, vote.AcceptedAt)
	}
	if v.Others == 0 && len(v.Voids) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(v.Others))
	b = binary.AppendUvarint(b, uint64(len(v.Voids)))
	for _, void := range v.Voids {
		b = binary.AppendVarint(b, void.Offset)
		b = appendString(b, void.Reason)
		b = binary.AppendUvarint(b, uint64(len(void.IDs)))
		for _, id := range void.IDs {
			b = appendString(b, id)
		}
	}
	return b
}

// DecodeVoter reads what Encode wrote; nothing at all is the zero voter. Any
// other input is ErrCorrupt.
func DecodeVoter(b []byte) (Voter, error) {
	if len(b) == 0 {
		return Voter{}, nil
	}
	d := decoder{rest: b}
	if version := d.byte(); version != encodingVersion {
		return Voter{}, fmt.Errorf("%w: version %d", ErrCorrupt, version)
	}
	var v Voter
	for n := d.count(); n > 0 && d.err == nil; n-- {
		v.Votes = append(v.Votes, Vote{ID: d.string(), Candidate: d.string(), Offset: d.varint(), AcceptedAt: d.varint()})
	}
	if len(d.rest) > 0 {
		v.Others = d.count()
		for n := d.count(); n > 0 && d.err == nil; n-- {
			v.Voids = append(v.Voids, d.void())
		}
	}
	if d.err == nil && len(d.rest) > 0 {
		d.err = fmt.Errorf("%w: %d bytes too many", ErrCorrupt, len(d.rest))
	}
	return v, d.err
}

// Encode answers the stored form of what is known of a rejected vote.
func (k Known) Encode() []byte {
	return appendString(binary.AppendVarint(nil, k.Offset), k.Reason)
}

// DecodeKnown reads what Known.Encode wrote; nothing at all is nothing known.
func DecodeKnown(b []byte) (Known, error) {
	if len(b) == 0 {
		return Known{}, nil
	}
	d := decoder{rest: b}
	k := Known{Seen: true, Offset: d.varint(), Reason: d.string()}
	return k, d.err
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
