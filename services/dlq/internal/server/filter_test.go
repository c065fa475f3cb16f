package server

import (
	"reflect"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"floodgate.internal/services/dlq/internal/letter"
)

func compare(field letter.Field, op letter.Op, text string, number int64) letter.Filter {
	return letter.Filter{Compare: &letter.Comparison{Field: field, Op: op, Text: text, Number: number}}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	vote := compare(letter.FieldService, letter.Equal, "vote", 0)
	open, parked := compare(letter.FieldStatus, letter.Equal, "", 1), compare(letter.FieldStatus, letter.Equal, "", 5)
	for text, want := range map[string]letter.Filter{
		"":                                      {},
		"  ":                                    {},
		`service="vote"`:                        vote,
		`service = vote`:                        vote,
		`status = OPEN`:                         open,
		`status = "OPEN"`:                       open,
		`status != PARKED`:                      compare(letter.FieldStatus, letter.NotEqual, "", 5),
		`attempts >= 3`:                         compare(letter.FieldAttempts, letter.GreaterEqual, "", 3),
		`replays < -1`:                          compare(letter.FieldReplays, letter.Less, "", -1),
		`key = "poll/7"`:                        compare(letter.FieldKey, letter.Equal, "poll/7", 0),
		`key = ""`:                              compare(letter.FieldKey, letter.Equal, "", 0),
		`lastFailedAt > "1970-01-01T00:00:01Z"`: compare(letter.FieldLastFailedAt, letter.Greater, "", 1e6),
		`lastFailedAt > timestamp("1970-01-01T00:00:01Z")`:       compare(letter.FieldLastFailedAt, letter.Greater, "", 1e6),
		`service = "vote" AND status = OPEN`:                     {And: []letter.Filter{vote, open}},
		`service = "vote" status = OPEN`:                         {And: []letter.Filter{vote, open}},
		`status = OPEN OR status = PARKED OR service = vote`:     {Or: []letter.Filter{open, parked, vote}},
		`NOT (status = OPEN OR status = PARKED)`:                 {Not: &letter.Filter{Or: []letter.Filter{open, parked}}},
		`service = vote AND (status = OPEN OR -status = PARKED)`: {And: []letter.Filter{vote, {Or: []letter.Filter{open, {Not: &parked}}}}},
	} {
		got, err := parseFilter(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// Whatever is sent is either a filter whose comparisons all mean something, or
// refused as invalid.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{`service="vote" AND lastFailedAt > "2026-01-01T00:00:00Z"`, `NOT (a:b OR -c.d=1.5)`, "((((", `status = "\u0000"`, "a = b(c)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := parseFilter(text[:min(len(text), 2048)]) // by the .proto
		if err != nil {
			if status.Code(err) != codes.InvalidArgument {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		filter.Matches(&letter.Failure{})
		filter.Each(func(c letter.Comparison) {
			if c.Check() != nil || c.Field == letter.NoField || c.Op == 0 {
				t.Errorf("%q means nothing: %+v", text, c)
			}
		})
	})
}
