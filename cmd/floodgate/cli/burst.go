package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"floodgate.internal/backbone/settings"
	"floodgate.internal/cmd/floodgate/burst"
)

// burstCmd casts a burst of votes and compares it with what was recorded.
type burstCmd struct {
	Target         string        `env:"FLOODGATE_TARGET" placeholder:"URL" help:"Where to vote: http://host:port, or host:port for gRPC. Without one, everything is started in this process."`
	Protocol       string        `env:"FLOODGATE_PROTOCOL" enum:"rest,grpc" default:"rest" help:"rest or grpc."`
	Votes          int           `env:"FLOODGATE_VOTES" default:"300000" help:"How many distinct votes are cast."`
	Concurrency    int           `env:"FLOODGATE_CONCURRENCY" default:"256" help:"How many votes are under way at once; over REST each on a connection of its own."`
	Connections    int           `env:"FLOODGATE_CONNECTIONS" default:"4" help:"How many connections gRPC calls share."`
	Rate           perSecond     `env:"FLOODGATE_RATE" placeholder:"N/s" help:"Begin so many votes per second, whether they are answered or not (open loop). Without it, each answer is followed by the next vote (closed loop)."`
	RepeatVoters   float64       `env:"FLOODGATE_REPEAT_VOTERS" default:"0.02" help:"Share of votes whose voter has voted before: duplicates by the rule."`
	Retry          float64       `env:"FLOODGATE_RETRY" default:"0.01" help:"Share of accepted votes that are sent once more under the same id."`
	PollID         string        `name:"poll-id" env:"FLOODGATE_POLL_ID" help:"The poll's id; a new one where none."`
	SkipPoll       bool          `env:"FLOODGATE_SKIP_POLL" help:"Vote in the poll --poll-id, which exists, instead of opening one."`
	Candidates     int           `env:"FLOODGATE_CANDIDATES" default:"5" help:"How many candidates the new poll has."`
	VotesPerVoter  int           `env:"FLOODGATE_VOTES_PER_VOTER" default:"1" help:"How many votes of one voter count in the new poll."`
	Seed           uint64        `env:"FLOODGATE_SEED" help:"Decides ids, candidates and repetitions; a new one where 0. The same again repeats a burst, which must add to no count."`
	RequestTimeout time.Duration `env:"FLOODGATE_BURST_REQUEST_TIMEOUT" default:"15s" help:"How long one request may take."`
	RetryFor       time.Duration `env:"FLOODGATE_RETRY_FOR" default:"30s" help:"How long a vote without an acceptance is sent again."`
	DrainTimeout   time.Duration `env:"FLOODGATE_DRAIN_TIMEOUT" default:"60s" help:"How long to wait until every accepted vote is decided."`
	Output         string        `short:"o" enum:"table,json" default:"table" help:"table, or json for programs."`

	LogLevel slog.Level `env:"FLOODGATE_LOG_LEVEL" default:"WARN" help:"Lowest level that is logged of what is started here."`
	settings.Servers
}

// Help is shown behind the flags.
func (c *burstCmd) Help() string {
	return `Opens a poll, casts the votes, waits until all are decided and compares, by
distinct vote ids: every accepted vote must be counted, a duplicate by the rule,
or rejected with a reason, and nothing else may be counted but votes whose answer
was lost. Exit code 1 on any difference.

Examples:
  floodgate burst
  floodgate burst --target http://127.0.0.1:8080 --votes 300000 --rate 20000/s
  floodgate burst --target 127.0.0.1:9090 --protocol grpc --concurrency 512
  floodgate burst --votes 10000 -o json`
}

// config is the burst as the flags describe it.
func (c *burstCmd) config() burst.Config {
	return burst.Config{
		Target: c.Target, Protocol: burst.Protocol(c.Protocol), Votes: c.Votes,
		Concurrency: c.Concurrency, Connections: c.Connections, Rate: float64(c.Rate),
		RepeatVoters: c.RepeatVoters, Resends: c.Retry,
		PollID: c.PollID, SkipPoll: c.SkipPoll, Candidates: c.Candidates, VotesPerVoter: c.VotesPerVoter,
		Seed: c.Seed, RequestTimeout: c.RequestTimeout, RetryFor: c.RetryFor, DrainTimeout: c.DrainTimeout,
	}
}

// Run bursts, prints the report and fails where something differs.
func (c *burstCmd) Run(ctx context.Context, s streams) (err error) {
	cfg := c.config()
	if cfg.Target == "" {
		stack, err := c.start(ctx, s)
		if err != nil {
			return err
		}
		// The burst's own verdict or fault is the news, not how the rest stopped.
		defer func() {
			if stopped := stack.stop(); err == nil {
				err = stopped
			}
		}()
		cfg.Target = stack.target(cfg.Protocol)
	}
	progress := newProgressView(s.err)
	report, err := burst.Run(ctx, cfg, progress.show)
	progress.close()
	if err != nil {
		return err
	}
	if err := c.print(s, &report); err != nil {
		return err
	}
	// A service that accepts nothing agrees with its record, and is no success.
	if !report.Equal() || report.Accepted == 0 {
		return errFailed
	}
	return nil
}

func (c *burstCmd) print(s streams, r *burst.Report) error {
	if c.Output == "json" {
		return writeReportJSON(s.out, r)
	}
	return writeReport(s.out, r)
}

// perSecond is a rate such as 20000/s or 20000.
type perSecond float64

// errRate is what a rate must look like.
var errRate = errors.New("must be votes per second, such as 20000/s")

// UnmarshalText reads a rate above 0.
func (r *perSecond) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "/s"), 64)
	if err != nil || !(v > 0) || v > 1e7 {
		return fmt.Errorf("%q: %w", text, errRate)
	}
	*r = perSecond(v)
	return nil
}
