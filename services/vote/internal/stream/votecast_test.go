package stream

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// FuzzVoteCast holds the decoder by hand to the generated one: they refuse the
// same bytes and read the same from the others.
func FuzzVoteCast(f *testing.F) {
	whole, err := proto.Marshal(&votev1.VoteCast{PollId: "p", CandidateId: "c", VoterId: "v", VoteId: "id"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte{})
	f.Add(whole[:len(whole)-1])
	f.Add(append(whole, whole...))
	f.Add(protowire.AppendString(protowire.AppendTag(whole, 900, protowire.BytesType), "newer"))
	f.Add(protowire.AppendVarint(protowire.AppendTag(whole, 1, protowire.VarintType), 7))
	f.Add(protowire.AppendTag(protowire.AppendTag(whole, 5, protowire.StartGroupType), 5, protowire.EndGroupType))
	f.Add(protowire.AppendTag(whole, 5, protowire.EndGroupType))
	f.Add(protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), []byte{0xff}))
	f.Add([]byte("\x80\xff\xff\xff00")) // a field number beyond the largest
	f.Fuzz(func(t *testing.T, b []byte) {
		var want votev1.VoteCast
		wantErr := proto.Unmarshal(b, &want)
		var got voteCast
		if err := got.unmarshal(b); (err == nil) != (wantErr == nil) {
			t.Fatalf("by hand: %v, generated: %v", err, wantErr)
		}
		if wantErr != nil {
			return
		}
		if got != (voteCast{want.GetPollId(), want.GetCandidateId(), want.GetVoterId(), want.GetVoteId()}) {
			t.Errorf("by hand %+v, generated %v", got, &want)
		}
	})
}

func BenchmarkVoteCast(b *testing.B) {
	value, err := proto.Marshal(&votev1.VoteCast{
		PollId: "burst-0a1b2c3d", CandidateId: "candidate-3", VoterId: "voter-00012345",
		VoteId: "018f3b6e-0000-7000-8000-0123456789ab",
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var m voteCast
			if err := m.unmarshal(value); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("generated", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var m votev1.VoteCast
			if err := proto.Unmarshal(value, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
