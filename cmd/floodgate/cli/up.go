package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"floodgate.internal/backbone/introspect"
	"floodgate.internal/backbone/settings"
	"floodgate.internal/cmd/floodgate/up"
)

// upCmd runs everything in one process.
type upCmd struct {
	HTTPAddr   string        `name:"http-addr" env:"FLOODGATE_HTTP_ADDR" default:"127.0.0.1:8080" help:"REST; port 0 takes a free one."`
	GRPCAddr   string        `name:"grpc-addr" env:"FLOODGATE_GRPC_ADDR" default:"127.0.0.1:9090" help:"All gRPC services; port 0 takes a free one."`
	KafkaAddr  string        `env:"FLOODGATE_KAFKA_ADDR" default:"127.0.0.1:9192" help:"The embedded broker; port 0 takes a free one."`
	DataDir    string        `env:"FLOODGATE_DATA_DIR" default:".floodgate" type:"path" help:"What outlives the process."`
	DLQTopic   []string      `name:"dlq-topic" env:"FLOODGATE_DLQ_TOPICS" placeholder:"TOPIC" help:"Dead-letter topics of Spring Kafka, Kafka Connect or others to read besides dlq.failed."`
	DLQEdit    bool          `name:"dlq-edit" env:"FLOODGATE_DLQ_EDIT" help:"Let operators put edited events in the place of those that failed in every group."`
	DLQRoute   []string      `name:"dlq-route" env:"FLOODGATE_DLQ_ROUTES" placeholder:"TOPIC/GROUP=TO" help:"Where failures of another framework's group are replayed to: TOPIC/GROUP=TO[:letters=TOPIC][:wait=10m][:every-group]."`
	DrainDelay time.Duration `env:"FLOODGATE_DRAIN_DELAY" default:"0s" help:"How long calls are still served after the signal to stop."`
	settings.Servers
	settings.Observed
}

// Help is shown behind the flags.
func (c *upCmd) Help() string {
	return `Listens on loopback alone, as nobody is asked who he is. SIGTERM stops it
cleanly; kill -9 loses nothing that was acknowledged.

Where no Kafka is named the process has a broker of its own, where no database is
named SQLite files, both in the data directory.

Examples:
  floodgate up
  floodgate up --http-addr 127.0.0.1:0 --data-dir /var/tmp/floodgate
  FLOODGATE_KAFKA_BROKERS=127.0.0.1:9092 floodgate up`
}

// Run serves until ctx ends.
func (c *upCmd) Run(ctx context.Context, s streams) error {
	settings.TuneMemory()
	begun := time.Now()
	tel, err := c.Telemetry(ctx, introspect.ReadBuild().Version, s.err)
	if err != nil {
		return err
	}
	defer func() { _ = tel.Shutdown(context.WithoutCancel(ctx)) }()
	stack, err := up.New(up.Config{
		HTTPAddr: c.HTTPAddr, GRPCAddr: c.GRPCAddr, KafkaAddr: c.KafkaAddr, DataDir: c.DataDir, DrainDelay: c.DrainDelay,
		DLQTopics: c.DLQTopic, DLQRoutes: c.DLQRoute, DLQEdit: c.DLQEdit,
		KafkaBrokers: c.KafkaBrokers, RedisAddrs: c.RedisAddrs, RedisPasswordFile: c.RedisPasswordFile, DatabaseURL: c.DatabaseURL,
	}, tel)
	if err != nil {
		return err
	}
	told := make(chan struct{})
	watch, stop := context.WithCancel(ctx)
	go func() {
		defer close(told)
		tell(watch, stack, s.out, begun)
	}()
	err = stack.Run(ctx)
	stop()
	<-told
	return err
}

// tell prints where the stack listens, and when it is ready.
func tell(ctx context.Context, stack *up.Stack, out io.Writer, begun time.Time) {
	addrs, err := stack.Addresses(ctx)
	if err != nil {
		return
	}
	_, _ = fmt.Fprintf(out, "REST    http://%s\ngRPC    %s\nKafka   %s\n", addrs.HTTP, addrs.GRPC, addrs.Kafka)
	if stack.Ready(ctx) == nil {
		_, _ = fmt.Fprintf(out, "ready in %.1f s\n", time.Since(begun).Seconds())
	}
}
