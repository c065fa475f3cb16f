package architecture

import "slices"

// thirdParties are the module paths (and all below them) that a layer may
// import. A new dependency is written here on purpose: it is the moment to ask
// whether the layer should know it.
func thirdParties(l layer) []string {
	switch l {
	case contract:
		return slices.Concat(protobuf(), rpc(), []string{"connectrpc.com/connect"})
	case backbone:
		return slices.Concat(protobuf(), rpc(), broker(), databases(), telemetry(), resilience(), plain(),
			[]string{"github.com/gofrs/flock", "modernc.org/sqlite"})
	case embedded:
		return slices.Concat(plain(), []string{"github.com/gofrs/flock", "github.com/twmb/franz-go"})
	case effects:
		return slices.Concat(resilience(), plain(), []string{"go.opentelemetry.io/otel"})
	case server:
		return slices.Concat(protobuf(), rpc(), telemetry(), plain(), filters())
	case store:
		// Scripts are handed MessagePack, which Lua within Redis unpacks natively.
		return slices.Concat(databases(), telemetry(), resilience(), plain(), []string{"github.com/tinylib/msgp"})
	case stream:
		return slices.Concat(protobuf(), broker(), telemetry(), plain())
	case door:
		return slices.Concat(protobuf(), rpc(), broker(), databases(), telemetry(), plain())
	case gateway:
		return slices.Concat(protobuf(), rpc(), telemetry(), resilience(), plain(), []string{"connectrpc.com/connect"})
	case program:
		return append(telemetry(), "github.com/alecthomas/kong")
	case command:
		return slices.Concat(protobuf(), rpc(), broker(), databases(), telemetry(), resilience(), plain(), terminal())
	case suites, testkit:
		return slices.Concat(protobuf(), rpc(), broker(), databases(), telemetry(), resilience(), plain(), terminal(),
			testing(), references(), thirdParties(embedded))
	default: // rules: none.
		return nil
	}
}

func protobuf() []string {
	return []string{"google.golang.org/protobuf", "google.golang.org/genproto/googleapis", "buf.build/gen/go/bufbuild/protovalidate"}
}

// filters is the parser of AIP-160.
func filters() []string { return []string{"go.einride.tech/aip/filtering"} }

func rpc() []string {
	return []string{"google.golang.org/grpc", "github.com/grpc-ecosystem/grpc-gateway/v2", "buf.build/go/protovalidate"}
}

// broker is sarama, and the breaker whose error it answers when it has given up
// on a broker for a while.
func broker() []string {
	return []string{"github.com/IBM/sarama", "github.com/eapache/go-resiliency/breaker"}
}

func databases() []string {
	return []string{"github.com/jackc/pgx/v5", "github.com/pressly/goose/v3", "github.com/redis/go-redis"}
}

func telemetry() []string {
	return []string{"go.opentelemetry.io/otel", "go.opentelemetry.io/contrib", "github.com/prometheus/client_golang"}
}

func resilience() []string { return []string{"github.com/sony/gobreaker/v2", "golang.org/x/time"} }

// plain are small packages without I/O of their own.
func plain() []string { return []string{"github.com/google/uuid", "golang.org/x/sync"} }

// terminal are what a command line, its progress bar and a load generator need;
// fasthttp, because what makes the load must cost less than what is measured.
func terminal() []string {
	return []string{
		"github.com/alecthomas/kong", "github.com/schollz/progressbar/v3", "golang.org/x/term",
		"github.com/HdrHistogram/hdrhistogram-go", "github.com/valyala/fasthttp",
	}
}

// references are what benchmarks compare with.
func references() []string {
	return []string{"github.com/ThreeDotsLabs/watermill", "github.com/ThreeDotsLabs/watermill-kafka/v3"}
}

// testing: zerolog is what toxiproxy logs to.
func testing() []string {
	return []string{"github.com/Shopify/toxiproxy/v2", "github.com/rs/zerolog", "github.com/google/go-cmp", "go.uber.org/goleak", "pgregory.net/rapid"}
}
