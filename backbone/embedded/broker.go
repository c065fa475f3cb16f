// Package embedded runs a Kafka broker inside the process, for development,
// demos and tests: the real protocol on a real socket, so that no client can
// tell. It is kfake of franz-go with what a person needs around it: a data
// directory that one process owns, limits checked before they bite, and log
// cleanup that also runs after a restart.
//
// What it is not: there is one broker, no replication, and one goroutine that
// serves every request. Production runs Apache Kafka.
//
// Differences from Apache Kafka that are known to matter:
//   - message.timestamp.type=LogAppendTime is stored and answered by
//     DescribeConfigs but not applied: acknowledgement and consumer both see the
//     producer's timestamp. One process is the one clock here, so times agree
//     all the same, but a record sent with an old timestamp keeps it.
//   - Of the cleanup settings only a topic's own retention.ms is honoured: not
//     retention.bytes, not cleanup.policy=compact, not the broker's defaults. A
//     partition's last batch is kept however old it is.
//   - Offsets of a group that never committed nor had a member: fetching them
//     is answered by GROUP_ID_NOT_FOUND, where Kafka answers offset -1.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	// clusterID is what metadata answers; the data directory keeps the first.
	clusterID = "floodgate-embedded"
	// defaultCleanupEvery is Kafka's log.retention.check.interval.ms.
	defaultCleanupEvery = 5 * time.Minute
	// defaultSegmentBytes keeps what expires late small: a file is deleted only
	// when every record in it has expired. Kafka's own default is 1 GiB.
	defaultSegmentBytes = 16 << 20
	// never puts kfake's own cleanup off, in milliseconds: ten years.
	never = "315360000000"
	// offsetsRetentionMinutes is a year: a laptop put away for longer than
	// Kafka's seven days goes on where it stopped.
	offsetsRetentionMinutes = "525600"
)

// BrokerConfig says how a Broker starts. The zero value is a broker in memory
// on a free port of 127.0.0.1.
type BrokerConfig struct {
	// Addr is the TCP host:port to listen on and to advertise. It has to be a
	// loopback address, since the broker asks nobody for credentials. Port 0
	// takes a free one. Empty is 127.0.0.1:0.
	Addr string
	// Advertise is what clients are told instead of Addr, for a proxy that
	// stands in front. Empty is Addr.
	Advertise string
	// DataDir keeps topics, records and committed offsets; it is created when
	// missing and belongs to one process at a time. What was acknowledged is
	// there after kill -9. Empty keeps everything in memory, which then grows
	// as far as retention lets it.
	DataDir string
	// SyncWrites calls fsync for every batch, so that acknowledged records
	// outlive a power cut too and not only the process. Kafka's default, and
	// this one's, leaves that to the page cache and to replicas.
	SyncWrites bool
	// Partitions is how many partitions all topics together will have. With a
	// DataDir the open-file limit is checked against it and raised at start.
	// 0 checks nothing.
	Partitions int
	// SegmentBytes is the size at which a log file is closed, for topics that
	// do not set segment.bytes. 0 is 16 MiB.
	SegmentBytes int64
	// CleanupEvery is the interval of log cleanup. 0 is 5 minutes.
	CleanupEvery time.Duration
	// Log takes the broker's own warnings and errors. nil is slog.Default().
	Log *slog.Logger
}

// Broker is a running broker. Its methods may be called from any goroutine.
type Broker struct {
	cluster *kfake.Cluster
	addrs   []string
	lock    *dirLock
	cleaner *cleaner
	close   sync.Once
}

// StartBroker starts a broker that serves until Close; ctx bounds the start
// alone. It fails when the address is taken or not loopback, when the data
// directory is in use (ErrLocked, with the process id in the text), cannot be
// read or was written by a newer version, and when the process may open too
// few files.
func StartBroker(ctx context.Context, cfg BrokerConfig) (*Broker, error) {
	cfg = cfg.withDefaults()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	b := &Broker{}
	opts := cfg.options(ctx)
	if cfg.DataDir != "" {
		lock, err := prepareDir(cfg)
		if err != nil {
			return nil, err
		}
		b.lock = lock
		opts = append(opts, kfake.DataDir(filepath.Join(cfg.DataDir, "log")))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embedded broker: %w", err), b.lock.release())
	}
	b.cluster = cluster
	b.addrs = cluster.ListenAddrs()
	b.cleaner, err = startCleaner(context.WithoutCancel(ctx), cluster, cfg.CleanupEvery, cfg.Log)
	if err != nil {
		cluster.Close()
		return nil, errors.Join(fmt.Errorf("embedded broker: %w", err), b.lock.release())
	}
	return b, nil
}

// Addrs answers the host:port pairs at which clients reach the broker, as the
// broker itself advertises them. The caller may keep and change the slice.
func (b *Broker) Addrs() []string { return append([]string(nil), b.addrs...) }

// Close stops serving, writes down what speeds up the next start and gives the
// data directory free. Calls after the first do nothing.
func (b *Broker) Close() error {
	var err error
	b.close.Do(func() {
		// The cleaner asks the cluster's goroutine, which Close ends.
		b.cleaner.stop()
		b.cluster.Close()
		err = b.lock.release()
	})
	return err
}

// prepareDir makes sure that the broker can keep its files before it opens
// the first one: later, a lack of descriptors looks like a server error.
func prepareDir(cfg BrokerConfig) (*dirLock, error) {
	if err := ensureOpenFiles(filesNeeded(cfg.Partitions)); err != nil {
		return nil, fmt.Errorf("embedded broker: %d partitions: %w", cfg.Partitions, err)
	}
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	return lock, nil
}

func (c BrokerConfig) withDefaults() BrokerConfig {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = defaultSegmentBytes
	}
	if c.CleanupEvery == 0 {
		c.CleanupEvery = defaultCleanupEvery
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

func (c BrokerConfig) options(ctx context.Context) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID(clusterID),
		kfake.WithLogger(logger{c.Log}),
		// kfake hands over 127.0.0.1 and a port; the address asked for counts.
		kfake.ListenFn(func(string, string) (net.Listener, error) {
			return listenLoopback(ctx, c.Addr, c.Advertise)
		}),
		kfake.BrokerConfigs(map[string]string{
			"log.segment.bytes":         strconv.FormatInt(c.SegmentBytes, 10),
			"log.cleaner.backoff.ms":    never,
			"offsets.retention.minutes": offsetsRetentionMinutes,
		}),
	}
	if c.SyncWrites {
		opts = append(opts, kfake.SyncWrites())
	}
	return opts
}
