package casting

import "floodgate.internal/services/vote/internal/ballot"

// play decides the events in order and notes what changes.
func (bk *booking) play() {
	for _, e := range bk.events {
		if !e.Replayed {
			bk.row.Last = max(bk.row.Last, e.Offset)
		}
		rec := bk.voter(e.Voter)
		if e.Void != nil {
			bk.void(e, rec)
			continue
		}
		transitions := rec.Voter.Cast(bk.poll, *e.Vote, rec.Known[e.Vote.ID])
		bk.note(e, len(transitions) > 0)
		bk.row.Counts.Apply(bk.poll, transitions, true)
		for _, t := range transitions {
			delete(rec.Known, t.Vote.ID)
			if t.To == ballot.Rejected {
				rec.Known[t.Vote.ID] = ballot.Known{Seen: true, Offset: t.Vote.Offset, Reason: t.Reason}
			}
			bk.touch(e, t, EntryCorrection)
		}
	}
}

func (bk *booking) void(e Event, rec *VoterRecord) {
	before := len(rec.Voter.Voids)
	transitions := rec.Voter.Void(bk.poll, *e.Void)
	bk.note(e, len(rec.Voter.Voids) > before)
	if len(rec.Voter.Voids) == before {
		return
	}
	bk.voids = append(bk.voids, VoidRow{Shard: bk.row.Shard, Voter: e.Voter, Void: *e.Void, At: bk.now})
	bk.row.Counts.Apply(bk.poll, transitions, false)
	for _, t := range transitions {
		bk.touch(e, t, EntryVoid)
	}
}

// note keeps a replay that was found done.
func (bk *booking) note(e Event, changed bool) {
	if e.Replayed && !changed {
		bk.already = append(bk.already, e.Place)
	}
}

func (bk *booking) voter(id string) *VoterRecord {
	rec := bk.voters[id]
	if rec == nil {
		rec = &VoterRecord{}
		if bk.voters == nil {
			bk.voters = map[string]*VoterRecord{}
		}
		bk.voters[id] = rec
	}
	if rec.Known == nil {
		rec.Known = map[string]ballot.Known{}
	}
	return rec
}

// touch notes a vote's new outcome, and the signed entries where it takes from
// a candidate or gives to one what had been decided otherwise.
func (bk *booking) touch(e Event, t ballot.Transition, kind string) {
	id := Identity{e.Voter, t.Vote.ID}
	tv := bk.touched[id]
	if tv == nil {
		tv = &touchedVote{insert: t.From == ballot.None}
		tv.recorded.RecordedAt = bk.now
		bk.touched[id] = tv
		bk.order = append(bk.order, id)
	}
	r := &tv.recorded
	r.Shard, r.Voter, r.Partition = bk.row.Shard, e.Voter, e.Partition
	r.Vote, r.Status, r.Reason = t.Vote, t.To, t.Reason
	if t.From == ballot.None {
		return
	}
	if t.From == ballot.Counted {
		bk.enter(e, t, t.Before.Candidate, -1, kind)
	}
	if t.To == ballot.Counted {
		bk.enter(e, t, t.Vote.Candidate, +1, kind)
	}
}

func (bk *booking) enter(e Event, t ballot.Transition, candidate string, delta int, kind string) {
	bk.entries = append(bk.entries, Entry{
		Shard: bk.row.Shard, Voter: e.Voter, VoteID: t.Vote.ID, Candidate: candidate,
		Delta: delta, Kind: kind, Reason: t.Reason, At: bk.now,
	})
}

// addTo puts the booking into a posting.
func (bk *booking) addTo(p *Posting) {
	for _, id := range bk.order {
		if tv := bk.touched[id]; tv.insert {
			p.Insert = append(p.Insert, tv.recorded)
		} else {
			p.Update = append(p.Update, tv.recorded)
		}
	}
	p.Voids = append(p.Voids, bk.voids...)
	p.Entries = append(p.Entries, bk.entries...)
	p.Shards = append(p.Shards, bk.row)
}
