package letter_test

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"floodgate.internal/services/dlq/internal/letter"
)

// letters draws the letters of one failure as its partition holds them.
func letters(t *rapid.T) []letter.Letter {
	n := rapid.IntRange(1, 12).Draw(t, "letters")
	out := make([]letter.Letter, n)
	for i := range out {
		failed := rapid.Int64Range(1, 100).Draw(t, "failed")
		out[i] = letter.Letter{
			Failure: letter.Failure{
				ID: "f", Class: rapid.SampledFrom([]string{"A", "B"}).Draw(t, "class"), Attempts: rapid.Int32Range(1, 9).Draw(t, "attempts"),
				FirstFailedAt: failed, LastFailedAt: failed, Place: letter.Place{Source: "id/0", Offset: int64(i)},
				Offset: rapid.Int64Range(0, 3).Draw(t, "offset"),
			},
			Record:  letter.Record{Stack: strconv.Itoa(i)},
			Carried: rapid.Bool().Draw(t, "carried"),
		}
	}
	return out
}

func refs(all []letter.Letter) []*letter.Letter {
	out := make([]*letter.Letter, len(all))
	for i := range all {
		out[i] = &all[i]
	}
	return out
}

// However the letters come again, cut into whatever slices and begun anew from
// wherever was committed, the failure is as if each had been read once.
func TestAnyRedeliveryGivesTheSameFailure(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := refs(letters(t))
		want := letter.New(all)
		var got letter.Failure
		for read, known := 0, false; read < len(all); {
			from := rapid.IntRange(0, read).Draw(t, "committed")
			read = rapid.IntRange(read+1, len(all)).Draw(t, "read to")
			if !known {
				got, known = letter.New(all[from:read]), true
				continue
			}
			got, _, _ = letter.MergeAll(got, all[from:read])
		}
		if got != want {
			t.Fatalf("failure %+v, want %+v", got, want)
		}
	})
}

// firstRecord tells which letter's payload and which one's headers are kept of all
// letters, read in order, as somebody would tell who had them all before him: the
// payload of the first letter at the lowest place; the headers of the latest of
// its letters that was news when it came, or of that one.
func firstRecord(all []letter.Letter) (payload, headers string) {
	lowest := slices.MinFunc(all, func(a, b letter.Letter) int { return cmp.Compare(a.Offset, b.Offset) }).Offset
	latest := int64(0)
	for _, l := range all {
		if l.Offset == lowest && payload == "" {
			payload, headers = l.Stack, l.Stack
		} else if l.Offset == lowest && l.LastFailedAt >= latest {
			headers = l.Stack
		}
		latest = max(latest, l.LastFailedAt)
	}
	return payload, headers
}

// Whatever slices an event's letters come in, its record is that of the first
// place in the log, and the headers are those of that place's latest letter.
func TestTheRecordAtTheFirstPlaceIsKept(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := letters(t)
		f := letter.New(refs(all[:1]))
		payload, headers := all[0].Stack, all[0].Stack
		for read := 1; read < len(all); {
			to := rapid.IntRange(read+1, len(all)).Draw(t, "read to")
			from := rapid.IntRange(0, read).Draw(t, "committed")
			slice := refs(all[from:to])
			first, takes := letter.First(f, slice)
			if f, _, _ = letter.MergeAll(f, slice); first != nil {
				headers = first.Stack
			}
			if takes {
				payload = first.Stack
			}
			read = to
		}
		wantPayload, wantHeaders := firstRecord(all)
		if payload != wantPayload && all[atoi(payload)].Offset != all[atoi(wantPayload)].Offset || headers != wantHeaders {
			t.Fatalf("payload of %s, headers of %s; want %s and %s", payload, headers, wantPayload, wantHeaders)
		}
		if f.Offset != all[atoi(wantPayload)].Offset {
			t.Fatalf("the place is %d", f.Offset)
		}
	})
}

func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

// The first failure is the earliest and the error the latest, whatever order
// they are written in; attempts never fall.
func TestOlderNeverOverwritesNewer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := letters(t)
		f := letter.New(refs(all[:1]))
		for i := range all[1:] {
			l := &all[1+i]
			before := f
			f, _ = letter.Merge(f, l)
			if f.LastFailedAt < before.LastFailedAt || f.FirstFailedAt > before.FirstFailedAt || f.Attempts < before.Attempts {
				t.Fatalf("%+v became %+v by %+v", before, f, l)
			}
			if l.LastFailedAt < before.LastFailedAt && f.Class != before.Class {
				t.Fatalf("an older letter overwrote %+v", before)
			}
		}
	})
}

func TestMergeAndStatus(t *testing.T) {
	t.Parallel()
	at := func(second int64) *letter.Letter {
		return &letter.Letter{Failure: letter.Failure{LastFailedAt: second, FirstFailedAt: second, Attempts: 1, Place: letter.Place{Source: "s", Offset: second}}}
	}
	for name, tt := range map[string]struct {
		status letter.Status
		letter *letter.Letter
		want   letter.Status
	}{
		"open stays open":                        {letter.Open, at(20), letter.Open},
		"a replay's outcome decides":             {letter.Replaying, at(20), letter.Replaying},
		"resolved later than it failed":          {letter.Resolved, at(9), letter.Resolved},
		"failed later than it was resolved":      {letter.Resolved, at(20), letter.Open},
		"a decision is about the event":          {letter.Discarded, at(20), letter.Discarded},
		"parked until somebody looks":            {letter.Parked, at(20), letter.Parked},
		"resolved at the moment in which it did": {letter.Resolved, at(10), letter.Resolved},
	} {
		before := letter.Failure{Status: tt.status, LastFailedAt: 5, FirstFailedAt: 5, Attempts: 1, Place: letter.Place{Source: "s", Offset: 5}}
		if tt.status.Closed() {
			before.ClosedAt = 10
		}
		got, news := letter.Merge(before, tt.letter)
		if news != letter.Latest || got.Status != tt.want || got.Attempts != 2 || got.Status.Closed() != (got.ClosedAt > 0) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestCountsStayInTheirType(t *testing.T) {
	t.Parallel()
	many := letter.Letter{Failure: letter.Failure{Attempts: 1<<31 - 1, Place: letter.Place{Source: "s", Offset: 1}}}
	f, _ := letter.Merge(letter.Failure{Attempts: 7, Place: letter.Place{Source: "s"}}, &many)
	if f.Attempts != 1<<31-1 {
		t.Errorf("%d attempts", f.Attempts)
	}
}

// An event is one failure per group; without an id a place and a payload are.
func TestIdentity(t *testing.T) {
	t.Parallel()
	id := func(change func(*letter.Failure), payload string) string {
		f := letter.Failure{Group: "g", EventID: "e", Topic: "t", Partition: 1, Offset: 2}
		change(&f)
		return strings.Join(letter.Identity(&f, []byte(payload)), "|")
	}
	base := id(func(*letter.Failure) {}, "a")
	if base != id(func(f *letter.Failure) { f.Offset, f.Topic = 9, "other" }, "b") {
		t.Error("one event of a group is two failures")
	}
	none := id(func(f *letter.Failure) { f.EventID = "" }, "a")
	for name, other := range map[string]string{
		"another group": id(func(f *letter.Failure) { f.Group = "" }, "a"), "another event": id(func(f *letter.Failure) { f.EventID = "f" }, "a"),
		"no event": none,
	} {
		if other == base {
			t.Errorf("%s is the same failure", name)
		}
	}
	for name, other := range map[string]string{
		"another payload": id(func(f *letter.Failure) { f.EventID = "" }, "b"), "another place": id(func(f *letter.Failure) { f.EventID, f.Offset = "", 3 }, "a"),
		"another group": id(func(f *letter.Failure) { f.EventID, f.Group = "", "h" }, "a"),
	} {
		if other == none {
			t.Errorf("without an event id, %s is the same failure", name)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw, limit := string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")), rapid.IntRange(0, 20).Draw(t, "limit")
		got := letter.Text(raw, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsRune(got, 0) || letter.Text(got, limit) != got {
			t.Fatalf("%q of at most %d becomes %q", raw, limit, got)
		}
	})
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	minutes := func(n int64) int64 { return n * time.Minute.Microseconds() }
	for name, tt := range map[string]struct {
		e    letter.Evidence
		want letter.Verdict
		why  string
	}{
		"the handler says so":           {letter.Evidence{Class: "UNDECODABLE", Failures: 1, Keys: 1}, letter.Poison, "1 failure over 1 key"},
		"for many keys too":             {letter.Evidence{Class: "PERMANENT", Failures: 300, Keys: 300}, letter.Poison, "however often"},
		"too few":                       {letter.Evidence{Class: "RETRYABLE", Failures: 9, Keys: 9}, letter.Undecided, "too few to tell"},
		"one key again and again":       {letter.Evidence{Class: "RETRYABLE", Failures: 10, Keys: 1, Newest: minutes(300)}, letter.Poison, "few keys"},
		"many keys at once":             {letter.Evidence{Class: "RETRYABLE", Failures: 300, Keys: 200, Newest: minutes(2)}, letter.Outage, "200 keys within 2m0s"},
		"many keys over a day":          {letter.Evidence{Class: "RETRYABLE", Failures: 300, Keys: 200, Newest: minutes(1440)}, letter.Undecided, "not at the same time"},
		"neither":                       {letter.Evidence{Class: "RETRYABLE", Failures: 100, Keys: 30, Newest: minutes(1)}, letter.Undecided, "neither"},
		"another framework's exception": {letter.Evidence{Class: "java.net.ConnectException", Failures: 20, Keys: 20}, letter.Outage, "many keys"},
	} {
		if got, why := letter.Decide(tt.e); got != tt.want || !strings.Contains(why, tt.why) {
			t.Errorf("%s: %d, %q", name, got, why)
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	now := 100 * time.Minute.Microseconds()
	if got := letter.Rate(letter.Evidence{Failures: 50, Recent: 30}, now); got != 3 {
		t.Errorf("30 in ten minutes are %v a minute", got)
	}
	flood := letter.Evidence{Failures: letter.EvidenceLimit, Recent: letter.EvidenceLimit, Oldest: now - time.Minute.Microseconds()}
	if got := letter.Rate(flood, now); got != letter.EvidenceLimit {
		t.Errorf("all that was looked at in one minute are %v a minute", got)
	}
}

// A failure's letters are gathered in order, and nobody else's among them.
func TestByFailure(t *testing.T) {
	t.Parallel()
	var all []letter.Letter
	for i, id := range []string{"a", "b", "a", "c", "b", "a"} {
		all = append(all, letter.Letter{Failure: letter.Failure{ID: id, Offset: int64(i)}})
	}
	var got []string
	for _, c := range letter.ByFailure(all) {
		text := c[0].ID
		for _, l := range c {
			text += string(rune('0' + l.Offset))
		}
		got = append(got, text)
	}
	if !slices.Equal(got, []string{"a025", "b14", "c3"}) {
		t.Errorf("gathered %q", got)
	}
}
