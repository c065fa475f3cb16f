// Package servertest gives a test the servers of a whole installation: embedded
// ones of its own, or the real ones that the environment names, emptied and to
// itself. The same test so runs on both.
package servertest

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/gofrs/flock"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", to drop the schemas
	"github.com/redis/go-redis/v9"

	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/embedded/embeddedtest"
	"floodgate.internal/backbone/sqldb/sqldbtest"
	"floodgate.internal/proto/topics"
)

// RedisVar is the environment variable that lists Redis servers, separated by
// commas.
const RedisVar = "FLOODGATE_REDIS_ADDRS"

// Servers are what an installation runs on.
type Servers struct {
	Brokers []string
	// DatabaseURL is a directory of SQLite files, or a PostgreSQL database.
	DatabaseURL string
	// RedisAddrs is empty where the live views are in the process.
	RedisAddrs []string
}

// Fresh answers empty servers. Real ones are this test's alone until it ends:
// other tests that call Fresh wait, in other processes too.
func Fresh(t testing.TB) Servers {
	t.Helper()
	s := Servers{DatabaseURL: os.Getenv(sqldbtest.URLVar)}
	if addrs := os.Getenv(RedisVar); addrs != "" {
		s.RedisAddrs = strings.Split(addrs, ",")
	}
	if os.Getenv(embeddedtest.BrokersVar) != "" || s.DatabaseURL != "" || len(s.RedisAddrs) > 0 {
		alone(t)
	}
	s.Brokers = embeddedtest.Broker(t)
	if os.Getenv(embeddedtest.BrokersVar) != "" {
		dropTopics(t, s.Brokers)
	}
	if s.DatabaseURL == "" {
		s.DatabaseURL = "sqlite://" + filepath.ToSlash(t.TempDir()) + "/"
	} else {
		dropSchemas(t, s.DatabaseURL)
	}
	if len(s.RedisAddrs) > 0 {
		flush(t, s.RedisAddrs)
	}
	return s
}

// alone waits for the tests before this one.
func alone(t testing.TB) {
	t.Helper()
	lock := flock.New(filepath.Join(os.TempDir(), "floodgate-servertest.lock"))
	if _, err := lock.TryLockContext(t.Context(), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lock.Unlock(); err != nil {
			t.Error(err)
		}
	})
}

// dropTopics removes the catalogue's topics and its groups' offsets.
func dropTopics(t testing.TB, brokers []string) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(brokers, broker.SaramaConfig(broker.Config{Brokers: brokers}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	groups := map[string]bool{}
	for _, topic := range topics.Catalogue() {
		if err := admin.DeleteTopic(topic.Name); err != nil && !errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
			t.Fatal(err)
		}
		for _, group := range topic.Groups {
			groups[group] = true
		}
	}
	for group := range groups {
		dropGroup(t, admin, group)
	}
	waitGone(t, admin)
}

// dropGroup forgets a group's offsets. A broker that has just started reads them
// from its log first, and members that a test killed are members until their
// session times out.
func dropGroup(t testing.TB, admin sarama.ClusterAdmin, group string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := admin.DeleteConsumerGroup(group)
		switch {
		case err == nil || errors.Is(err, sarama.ErrGroupIDNotFound):
			return
		case !passing(err):
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(err)
		}
	}
}

// passing says that a group may be forgotten a moment later.
func passing(err error) bool {
	for _, e := range []error{
		sarama.ErrOffsetsLoadInProgress, sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNotCoordinatorForConsumer, sarama.ErrNonEmptyGroup,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// waitGone waits until the brokers have forgotten the topics: a topic may be
// created again only then.
func waitGone(t testing.TB, admin sarama.ClusterAdmin) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := admin.ListTopics()
		if err != nil {
			t.Fatal(err)
		}
		left := false
		for _, topic := range topics.Catalogue() {
			_, there := found[topic.Name]
			left = left || there
		}
		if !left {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("topics are still there")
		}
	}
}

// dropSchemas removes what the services keep.
func dropSchemas(t testing.TB, url string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, schema := range []string{"vote", "dlq"} {
		if _, err := db.ExecContext(t.Context(), "DROP SCHEMA IF EXISTS "+schema+" CASCADE"); err != nil {
			t.Fatal(err)
		}
	}
}

func flush(t testing.TB, addrs []string) {
	t.Helper()
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs})
	defer func() { _ = client.Close() }()
	if err := client.FlushAll(context.WithoutCancel(t.Context())).Err(); err != nil {
		t.Fatal(err)
	}
}
