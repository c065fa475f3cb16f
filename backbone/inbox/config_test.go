package inbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"floodgate.internal/backbone/inbox"
	"floodgate.internal/proto/topics"
)

func TestConfigNamesEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	_, err := inbox.New(inbox.Config{Topics: []string{"a", ""}, Retention: time.Microsecond, LongestPause: -1, PruneEvery: -1, PruneRows: -1})
	for _, want := range []string{"Group is empty", "Topics", "Retention 1µs", "LongestPause", "PruneEvery", "PruneRows"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("not named: %s\nin %v", want, err)
		}
	}
	if _, err = inbox.New(inbox.Config{Group: "g", Topics: []string{"not.in.the.catalogue"}}); err == nil {
		t.Error("an unknown topic without a retention is taken")
	}
}

func TestRetentionByDefaultCoversTheCatalogue(t *testing.T) {
	t.Parallel()
	names := []string{topics.VoteCast, topics.Replay(topics.VoteCast, topics.GroupVoteLedger)}
	in, err := inbox.New(inbox.Config{Group: topics.GroupVoteLedger, Topics: names, LongestPause: 5 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	cast, _ := topics.Lookup(topics.VoteCast)
	if got := inbox.RetentionIn(in); got != cast.Retention+5*time.Hour {
		t.Errorf("retention %s, want the topic's %s and the pause", got, cast.Retention)
	}
}

// The key is in the slot of the effect's, whatever the group is called.
func TestKeyIsInTheSlotOfItsTag(t *testing.T) {
	t.Parallel()
	in, _ := newInbox(t, func(c *inbox.Config) { c.Group = "g{x}" })
	for _, tag := range []string{"", "a{b", "a}b"} {
		if key, err := in.Key(tag, event(1)); err == nil {
			t.Errorf("tag %q is taken: %s", tag, key)
		}
	}
	key, err := in.Key("final/3", event(1))
	if err != nil || !strings.HasPrefix(key, "inbox:{final/3}:") || !strings.HasSuffix(key, ":g{x}") {
		t.Errorf("key %q %v", key, err)
	}
	if second, _ := in.Key("final/3", event(2)); second == key {
		t.Error("two events share a key")
	}
	if inbox.Script("return 1").Hash() == redis.NewScript("return 1").Hash() {
		t.Error("the script has no inbox in front of it")
	}
}
