package up

import (
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"floodgate.internal/backbone/settings"
)

// Config are the settings of `floodgate up`. Each of KafkaBrokers, RedisAddrs
// and DatabaseURL replaces one embedded part by a real server.
type Config struct {
	// HTTPAddr, GRPCAddr and KafkaAddr are loopback addresses; port 0 takes a
	// free one. KafkaAddr is the embedded broker's.
	HTTPAddr, GRPCAddr, KafkaAddr string
	// DataDir keeps everything that outlives the process.
	DataDir string
	// KafkaBrokers are the bootstrap addresses of Apache Kafka.
	KafkaBrokers []string
	// RedisAddrs are the servers of the live views; RedisPasswordFile holds
	// their password, where they have one.
	RedisAddrs        []string
	RedisPasswordFile string
	// DatabaseURL names a PostgreSQL database.
	DatabaseURL string
	// DLQTopics are dead-letter topics of others that are read too.
	DLQTopics []string
	// DLQEdit lets operators put edited events in the place of failed ones.
	DLQEdit bool
	// DLQRoutes are where failures of others' groups are replayed to, as
	// dlq.Config.Routes.
	DLQRoutes []string
	// OTLPEndpoint is a collector's gRPC address as a URL; SampleRatio is the
	// part of the traces that is sent.
	OTLPEndpoint string
	SampleRatio  float64
	// LogLevel is the lowest level written to standard error.
	LogLevel slog.Level
	// DrainDelay is how long calls are still served once the process was told
	// to stop.
	DrainDelay time.Duration
}

// Validate answers every fault at once. Nothing here asks who calls, so nothing
// may listen beyond this machine.
func (c Config) Validate() error {
	faults := []error{
		settings.Loopback("http-addr", c.HTTPAddr), settings.Loopback("grpc-addr", c.GRPCAddr),
	}
	if len(c.KafkaBrokers) == 0 {
		faults = append(faults, settings.Loopback("kafka-addr", c.KafkaAddr))
	}
	if c.DataDir == "" {
		faults = append(faults, errors.New("data-dir must be given"))
	}
	return errors.Join(faults...)
}

// database names the SQL of every service: a file each in the data directory by
// default.
func (c Config) database() (string, error) {
	if c.DatabaseURL != "" {
		return c.DatabaseURL, nil
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return "", err
	}
	return "sqlite://" + filepath.ToSlash(dir) + "/", nil
}
