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
	for _, places := range [][]int64{{50, 70, 20, 60, 20}, {20, 70, 50, 60, 20}} {
		for _, sizes := range [][]int{{5}, {1, 1, 1, 1, 1}, {2, 3}, {3, 1, 1}} {
			placed{newScene(t, s), fmt.Sprintf("letters of %v by %v", places, sizes)}.run(places, sizes)
		}
	}
}

// placed is a scene of one event at several places.
type placed struct {
	*scene
	name string
}

func (c placed) run(places []int64, sizes []int) {
	c.t.Helper()
	letters := make([]letter.Letter, len(places))
	for n, offset := range places {
		letters[n] = c.at(n, offset)
	}
	late := c.at(9, 80)
	for _, size := range sizes {
		c.record(letters[:size]...)
		letters = letters[size:]
	}
	c.expect(late.ID, "4")
	c.record(late)
	c.expect(late.ID, "9")
	if h := c.history(late.ID); h[len(h)-1] != "system FAILED RETRYABLE SQL: letter 9" {
		c.t.Errorf("%s: history %q", c.name, h)
	}
}

// at is the nth letter of the event, which failed at an offset.
func (c placed) at(n int, offset int64) letter.Letter {
	return c.letter("a", int64(n), func(l *letter.Letter) {
		l.Offset, l.Message, l.Stack = offset, fmt.Sprint("letter ", n), fmt.Sprint("stack ", n)
		l.Value, l.EventType = fmt.Appendf(nil, "value at %d", offset), fmt.Sprint("type at ", offset)
		l.Headers = []letter.Header{{Key: "letter", Value: fmt.Append(nil, n)}, {Key: "place", Value: fmt.Append(nil, offset)}}
	})
}

// expect wants the record at 20 as letter 4 has it, with the error of the last
// letter.
func (c placed) expect(id, last string) {
	c.t.Helper()
	f, r := c.get(id), c.raw(id)
	if f.Offset != 20 || f.EventType != "type at 20" || f.Message != "letter "+last || string(r.Value) != "value at 20" || r.Stack != "stack "+last {
		c.t.Errorf("%s: failure %+v of %q, stack %q", c.name, f, r.Value, r.Stack)
	}
	got := make([]string, len(r.Headers))
	for i, h := range r.Headers {
		got[i] = h.Key + " " + string(h.Value)
	}
	if !slices.Equal(got, []string{"letter 4", "place 20"}) {
		c.t.Errorf("%s: headers %q", c.name, got)
	}
}
