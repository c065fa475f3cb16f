// Package storetest holds every implementation of redrive.Failures to the
// contract that package redrive writes down. A suite's cases use services and
// ids of their own, so they run beside each other, and on servers that hold
// other data.
package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// T is what a case needs of a test: *testing.T and *rapid.T have it.
type T interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Case is one case of the suite.
type Case struct {
	Name string
	Run  func(t T, s redrive.Failures)
}

// Cases are the suite.
func Cases() []Case {
	return []Case{
		{"A letter is one failure with its record", oneFailure},
		{"The same letters again change nothing", nothingNew},
		{"What comes again is the same failure", sameFailure},
		{"Older never overwrites newer", olderLoses},
		{"The record at the first place is kept", firstPlace},
		{"All or none", allOrNone},
		{"Any bytes are kept", anyBytes},
		{"A large payload is kept whole", largePayload},
		{"Steps follow the machine and leave a trail", steps},
		{"What is not there is said", notThere},
		{"Pages have each failure once, the last first", pages},
		{"Filters find what the rules say", filters},
		{"Groups count what is in the statuses asked for", groups},
		{"Groups by pages, the largest first", groupPages},
		{"Evidence tells the spread", evidence},
		{"Series count first failures", seriesOf},
		{"Only what was closed long ago expires", expiry},
		{"What people did outlives the failure, for as long as it is audited", trailOutlives},
		{"The audit trail is listed by pages, as it is asked for", trailListed},
		{"Statistics expire with the trail", statisticsExpire},
		{"A lease is one owner's until it has passed", leasing},
		{"Two instances take the same letters at once", atOnce},
	}
}

// Run runs the suite, cases beside each other.
func Run(t *testing.T, s redrive.Failures) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(t, s)
		})
	}
}

// RunClassifying runs the cases that give all failures new kinds, on a store of
// their own; one after the other, as each takes all there are.
func RunClassifying(t *testing.T, s redrive.Failures) {
	t.Helper()
	for _, c := range []Case{
		{"Kinds split and merge, and their counts with them", reclassified},
		{"What is of a newer version keeps its kind", newerKept},
		{"Letters come in while kinds change", reclassifiedBeside},
	} {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, s) })
	}
}

// scene is one case's part of the store: a service and a source of letters that
// nobody else has.
type scene struct {
	t       T
	s       redrive.Failures
	service string
	offset  int64
}

func newScene(t T, s redrive.Failures) *scene {
	return &scene{t: t, s: s, service: "svc-" + rand.Text()}
}

// Fill records n failures of one kind.
func Fill(t T, s redrive.Failures, n int) {
	c := newScene(t, s)
	letters := make([]letter.Letter, n)
	for i := range letters {
		letters[i] = c.letter(fmt.Sprint(i), int64(i))
	}
	c.record(letters...)
}

// base is when the scenes begin, in Unix microseconds.
const base = int64(1_764_000_000_000_000)

// letter answers the next letter of an event, failed so many seconds after base.
func (c *scene) letter(event string, second int64, change ...func(*letter.Letter)) letter.Letter {
	c.offset++
	l := letter.Letter{
		Failure: letter.Failure{
			ID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(c.service+event)).String(), Service: c.service, Topic: "vote.cast",
			Partition: 3, Offset: c.offset, Group: "vote-tally", Key: "key-" + event, EventID: "event-" + event + c.service,
			EventType: "floodgate.vote.v1.VoteCast", Class: "RETRYABLE", Reason: "SQL", Message: "timeout", Fingerprint: "v2:" + c.service,
			Attempts: 5, FirstFailedAt: base + second*1e6, LastFailedAt: base + second*1e6 + 5, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
			Place: letter.Place{Source: c.service + "/0", Offset: c.offset},
		},
		Record: letter.Record{
			Key: []byte("key-" + event), Value: []byte("value-" + event),
			Headers: []letter.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}, {Key: "b", Value: []byte{}}},
			Stack:   "main.go:1",
		},
	}
	for _, f := range change {
		f(&l)
	}
	return l
}

func (c *scene) record(letters ...letter.Letter) {
	c.t.Helper()
	if err := c.s.Record(c.t.Context(), letters); err != nil {
		c.t.Fatalf("recording %d letters: %v", len(letters), err)
	}
}

func (c *scene) get(id string) letter.Failure {
	c.t.Helper()
	f, err := c.s.Get(c.t.Context(), id)
	if err != nil {
		c.t.Fatalf("failure %s: %v", id, err)
	}
	return f
}

func (c *scene) raw(id string) letter.Record {
	c.t.Helper()
	r, err := c.s.Raw(c.t.Context(), id)
	if err != nil {
		c.t.Fatalf("record of failure %s: %v", id, err)
	}
	return r
}

func (c *scene) history(id string) []string {
	c.t.Helper()
	entries, err := c.s.History(c.t.Context(), id, 1000)
	if err != nil {
		c.t.Fatalf("history of failure %s: %v", id, err)
	}
	var words []string
	for _, e := range entries {
		words = append(words, e.Actor+" "+e.Action+" "+e.Detail)
	}
	return words
}

func (c *scene) step(id string, step letter.Step, at int64) (letter.Failure, error) {
	return c.s.Step(c.t.Context(), id, step, redrive.Entry{At: at, Action: fmt.Sprintf("STEP_%d", step), Actor: "anna", Detail: "because"})
}

// mine is a filter that finds the scene's failures alone, and of them what the
// further ones find.
func (c *scene) mine(further ...letter.Filter) letter.Filter {
	return letter.Filter{And: append([]letter.Filter{is(letter.FieldService, c.service)}, further...)}
}

// is compares a field with a value of its kind.
func is(field letter.Field, value any) letter.Filter {
	c := letter.Comparison{Field: field, Op: letter.Equal}
	switch v := value.(type) {
	case string:
		c.Text = v
	case letter.Status:
		c.Number = int64(v)
	case int64:
		c.Number = v
	}
	return letter.Filter{Compare: &c}
}
