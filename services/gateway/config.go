package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// Config is the gateway's settings; DefaultConfig answers them complete.
type Config struct {
	// Addr is where HTTP is served; port 0 takes a free one.
	Addr string
	// RequestTimeout ends every request that is no stream, counted from its
	// header. It must stay below the shortest limit of any load balancer in
	// front, which then never answers 504 for a vote that was taken.
	RequestTimeout time.Duration
	// HeaderTimeout is how long a client may take to send a request's header.
	HeaderTimeout time.Duration
	// IdleTimeout is how long a connection without a request stays open.
	IdleTimeout time.Duration
	// StreamWriteTimeout is how long a client may take to accept one message of
	// a stream; a slower one is cut off, so that it holds nothing back.
	StreamWriteTimeout time.Duration
	// StopTimeout is how long the requests under way may take at the stop.
	StopTimeout time.Duration
	// MaxHeaderBytes is the largest request header.
	MaxHeaderBytes int
	// MaxBodyBytes is the largest request body.
	MaxBodyBytes int64
	// MaxBufferedBytes is how much all request bodies under way may take.
	MaxBufferedBytes int64
	// MaxInFlight is how many requests are under way at once, streams aside;
	// one more is answered 429 at once.
	MaxInFlight int
	// MaxStreams is how many streams are open at once; one more is answered 429.
	MaxStreams int
	// AllowedOrigins are the web origins ("https://example.org") whose pages may
	// call the API; none by default.
	AllowedOrigins []string
	// MicroBatch gathers concurrent votes into BatchCastVotes. It is for a vote
	// service in another process; in the same one it only costs.
	MicroBatch bool
	// BatchVotes is how many votes one call carries, 1 to 1,000.
	BatchVotes int
	// BatchCalls is how many of these calls are in flight at once.
	BatchCalls int
}

// DefaultConfig answers settings that suit one machine on loopback.
func DefaultConfig() Config {
	return Config{
		Addr:               "127.0.0.1:8080",
		RequestTimeout:     10 * time.Second,
		HeaderTimeout:      5 * time.Second,
		IdleTimeout:        2 * time.Minute,
		StreamWriteTimeout: 10 * time.Second,
		StopTimeout:        15 * time.Second,
		MaxHeaderBytes:     32 << 10,
		MaxBodyBytes:       1 << 20,
		MaxBufferedBytes:   64 << 20,
		MaxInFlight:        4096, // about 100 MiB of connections and stacks
		MaxStreams:         4096,
		BatchVotes:         256,
		BatchCalls:         4,
	}
}

// Validate reports every fault at once.
func (c Config) Validate() error {
	var faults []error
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		faults = append(faults, fmt.Errorf("gateway: Addr: %w", err))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"RequestTimeout", c.RequestTimeout}, {"HeaderTimeout", c.HeaderTimeout}, {"IdleTimeout", c.IdleTimeout},
		{"StreamWriteTimeout", c.StreamWriteTimeout}, {"StopTimeout", c.StopTimeout},
	} {
		if d.value <= 0 {
			faults = append(faults, fmt.Errorf("gateway: %s: %v is not above zero", d.name, d.value))
		}
	}
	return errors.Join(append(faults, c.limitFaults()...)...)
}

// limitFaults checks the sizes and the origins.
func (c Config) limitFaults() []error {
	var faults []error
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"MaxHeaderBytes", int64(c.MaxHeaderBytes)}, {"MaxBodyBytes", c.MaxBodyBytes}, {"MaxInFlight", int64(c.MaxInFlight)},
		{"MaxStreams", int64(c.MaxStreams)}, {"BatchVotes", int64(c.BatchVotes)}, {"BatchCalls", int64(c.BatchCalls)},
	} {
		if n.value <= 0 {
			faults = append(faults, fmt.Errorf("gateway: %s: %d is not above zero", n.name, n.value))
		}
	}
	if c.MaxBufferedBytes < c.MaxBodyBytes {
		faults = append(faults, fmt.Errorf("gateway: MaxBufferedBytes: %d is below MaxBodyBytes", c.MaxBufferedBytes))
	}
	if c.BatchVotes > 1000 { // by the .proto
		faults = append(faults, fmt.Errorf("gateway: BatchVotes: %d is above 1000", c.BatchVotes))
	}
	for _, origin := range c.AllowedOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Scheme+"://"+u.Host != origin {
			faults = append(faults, fmt.Errorf("gateway: AllowedOrigins: %q is no origin such as https://example.org", origin))
		}
	}
	return faults
}
