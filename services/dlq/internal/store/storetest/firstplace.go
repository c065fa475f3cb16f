package storetest

import (
	"fmt"
	"slices"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// firstPlace: an event stands several times in the log and fails at each place,
// and the place that stands first fails last, and again when it is replayed.
// However its letters are cut into slices, the failure is that of the first place,
// with the error of the last letter.
func firstPlace(t T, s redrive.Failures) {
	for name, sizes := range map[string][]int{"at once": {5}, "one by one": {1, 1, 1, 1, 1}, "in two": {2, 3}, "unevenly": {3, 1, 1}} {
		c := newScene(t, s)
		var letters []letter.Letter
		for n, offset := range []int64{50, 70, 20, 60, 20} {
			letters = append(letters, c.letter("a", int64(n), func(l *letter.Letter) {
				l.Offset, l.Message, l.Stack = offset, fmt.Sprint("letter ", n), fmt.Sprint("stack ", n)
				l.Value, l.EventType = fmt.Appendf(nil, "value at %d", offset), fmt.Sprint("type at ", offset)
				l.Headers = []letter.Header{{Key: "letter", Value: fmt.Append(nil, n)}, {Key: "place", Value: fmt.Append(nil, offset)}}
			}))
		}
		// In the end one more at a later place.
		late := c.letter("a", 10, func(l *letter.Letter) { l.Offset, l.Message, l.Stack = 80, "late", "late stack" })
		for rest := letters; len(sizes) > 0; sizes = sizes[1:] {
			c.record(rest[:sizes[0]]...)
			rest = rest[sizes[0]:]
		}
		expect := func(message, stack, headersOf string) {
			t.Helper()
			f, r := c.get(letters[0].ID), c.raw(letters[0].ID)
			if f.Offset != 20 || f.EventType != "type at 20" || f.Message != message || string(r.Value) != "value at 20" || r.Stack != stack {
				t.Errorf("%s: failure %+v of %q, stack %q", name, f, r.Value, r.Stack)
			}
			got := make([]string, len(r.Headers))
			for i, h := range r.Headers {
				got[i] = h.Key + " " + string(h.Value)
			}
			if !slices.Equal(got, []string{"letter " + headersOf, "place 20"}) {
				t.Errorf("%s: headers %q", name, got)
			}
		}
		expect("letter 4", "stack 4", "4")
		c.record(late)
		expect("late", "late stack", "4")
		if h := c.history(letters[0].ID); h[len(h)-1] != "system FAILED RETRYABLE SQL: late" {
			t.Errorf("%s: history %q", name, h)
		}
	}
}
