package inbox_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/inbox"
	"floodgate.internal/proto/topics"
)

// What the broker has is what counts: the topics here are none of the
// catalogue's.
func TestRetentionIsCheckedAgainstWhatTheBrokerHas(t *testing.T) {
	t.Parallel()
	cfg := broker.Config{Brokers: embeddedtest.Broker(t)}
	client, err := broker.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	made := func(retention time.Duration) string {
		entry := topics.Topic{
			Name: "inbox." + uuid.NewString()[:8], Key: "k", PartitionsDev: 1, PartitionsProd: 1,
			Retention: retention, SegmentBytes: 1 << 20,
		}
		if err := broker.EnsureTopics(t.Context(), client, cfg, []topics.Topic{entry}); err != nil {
			t.Fatal(err)
		}
		return entry.Name
	}
	day, week, ever := made(24*time.Hour), made(7*24*time.Hour), made(-time.Millisecond)
	for name, tc := range map[string]struct {
		topics    []string
		retention time.Duration
		want      []string // in the error; none where it is nil
	}{
		"covered to the second":     {[]string{day, week}, 7*24*time.Hour + 2*time.Hour, nil},
		"short by a second":         {[]string{day, week}, 7*24*time.Hour + 2*time.Hour - time.Second, []string{week, "169h59m59s", "168h0m0s", "2h0m0s", "170h0m0s", "Retention", "retention.ms", "LongestPause"}},
		"every topic is named":      {[]string{day, week}, time.Hour, []string{day, week, "26h0m0s", "170h0m0s"}},
		"a topic for ever":          {[]string{ever}, 1000 * time.Hour, []string{ever, "for ever"}},
		"for ever covers all":       {[]string{day, week, ever}, inbox.Forever, nil},
		"a topic that is not there": {[]string{"inbox." + uuid.NewString()}, inbox.Forever, []string{"inbox."}},
	} {
		in, err := inbox.New(inbox.Config{Group: "g", Topics: tc.topics, Retention: tc.retention, LongestPause: 2 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		err = in.CheckRetention(t.Context(), client)
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, part := range tc.want {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q is not named in: %v", name, part, err)
			}
		}
	}
}

func TestCompactedTopicsAreKeptForEver(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		settings map[string]string
		want     time.Duration
		fails    bool
	}{
		"compacted":             {map[string]string{"cleanup.policy": "compact", "retention.ms": "1000"}, inbox.Forever, false},
		"compacted and deleted": {map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "1000"}, time.Second, false},
		"no policy told":        {map[string]string{"retention.ms": "1000"}, time.Second, false},
		"Kafka's own for ever":  {map[string]string{"retention.ms": "9223372036854775807"}, inbox.Forever, false},
		"nothing told":          {nil, 0, true},
		"no number":             {map[string]string{"retention.ms": "long"}, 0, true},
	} {
		got, err := inbox.RetentionOf(tc.settings)
		if got != tc.want || (err != nil) != tc.fails {
			t.Errorf("%s: %s %v", name, got, err)
		}
	}
}
