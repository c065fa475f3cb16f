package letter

// First answers which of the letters' records is kept beside a failure: whose
// headers are the ones to keep, and whether its key and payload are too. Nil where
// all stays as it was.
//
// The log may hold an event twice (SEMANTICS 2), and a group may fail at either
// place. The first position of an identity wins, content and all (SEMANTICS 1,
// 9), and where a record first stood is written once (19): so the record at the
// first place is kept with its own headers and those that say where it stood,
// which is what a replay goes by. Of that place's letters the headers are those
// of the latest. What fails at a later place changes the error and the stack.
func First(f Failure, letters []*Letter) (first *Letter, payload bool) {
	for _, l := range letters {
		before, same := l.standsBefore(&f), l.standsAt(&f)
		var news News
		if f, news = Merge(f, l); news == NoNews {
			continue
		}
		if before || same && news == Latest {
			first, payload = l, payload || before
		}
	}
	return first, payload
}

// standsBefore says that the letter's record stands before the failure's in the
// log. All records of an event share a partition, as they share a key; what stands
// in another one, or nowhere, is in no order with it.
func (l *Letter) standsBefore(f *Failure) bool {
	return l.Topic == f.Topic && l.Partition == f.Partition && l.Offset != NoPlace && l.Offset < f.Offset
}

func (l *Letter) standsAt(f *Failure) bool {
	return l.Topic == f.Topic && l.Partition == f.Partition && l.Offset == f.Offset
}
