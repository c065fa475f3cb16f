// Package settings are the settings that every process has: flags and
// FLOODGATE_* environment of the same names, read from the struct tags by the
// command line's parser.
package settings

import (
	"context"
	"io"
	"log/slog"

	"floodgate.internal/backbone/telemetry"
)

// Observed are the settings of what a process says about itself.
type Observed struct {
	LogLevel     slog.Level `env:"FLOODGATE_LOG_LEVEL" default:"INFO" help:"Lowest level that is logged: DEBUG, INFO, WARN, ERROR."`
	LogFormat    string     `env:"FLOODGATE_LOG_FORMAT" enum:"text,json" default:"text" help:"text or json."`
	OTLPEndpoint string     `name:"otlp-endpoint" env:"FLOODGATE_OTLP_ENDPOINT" placeholder:"URL" help:"Collector that takes the spans, such as http://127.0.0.1:4317."`
	SampleRatio  float64    `env:"FLOODGATE_SAMPLE_RATIO" default:"0.01" help:"Part of new traces that is kept, 0 to 1."`
}

// Telemetry makes the means of speaking.
func (o Observed) Telemetry(ctx context.Context, version string, logTo io.Writer) (*telemetry.Telemetry, error) {
	return telemetry.New(ctx, telemetry.Config{
		Service: "floodgate", Version: version, LogTo: logTo, LogFormat: o.LogFormat,
		LogLevel: o.LogLevel, OTLPEndpoint: o.OTLPEndpoint, SampleRatio: o.SampleRatio,
	})
}

// Servers are the real servers that a process stands on; "up" has an embedded
// part in place of each that is not named.
type Servers struct {
	KafkaBrokers      []string `env:"FLOODGATE_KAFKA_BROKERS" placeholder:"HOST:PORT" help:"Bootstrap addresses of Apache Kafka."`
	RedisAddrs        []string `env:"FLOODGATE_REDIS_ADDRS" placeholder:"HOST:PORT" help:"Redis servers of the live views; the process's memory where none."`
	RedisPasswordFile string   `env:"FLOODGATE_REDIS_PASSWORD_FILE" type:"path" help:"File with the password of Redis."`
	DatabaseURL       string   `env:"FLOODGATE_DATABASE_URL" placeholder:"URL" help:"PostgreSQL database; its password belongs into the file that the URL's passfile names."`
}
