// Package command is the benchmarks' command line.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"

	"floodgate.internal/backbone/settings"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/servers"
	"floodgate.internal/tests/bench/internal/table"
)

// Streams are the standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// options are the flags.
type options struct {
	run     *regexp.Regexp
	rounds  int
	smoke   bool
	empty   bool
	output  string
	profile string
}

// Main measures and prints the table, and answers the exit code: 1 where
// something could not be measured. A missed target is no failure: the table
// says it, and a shared machine misses some.
func Main(ctx context.Context, args []string, s Streams) int {
	if len(args) == 1 && args[0] == child.Command {
		return child.Main(ctx, bodies(), s.In, s.Out, s.Err)
	}
	o, err := parse(args, s.Err)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	if err := o.measure(ctx, s); err != nil {
		_, _ = fmt.Fprintln(s.Err, "bench:", err)
		return 1
	}
	return 0
}

func parse(args []string, errOut io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(errOut)
	pattern := flags.String("run", "", "measure only the contests whose name matches this `regexp`: "+names())
	flags.IntVar(&o.rounds, "rounds", 3, "how often each side is measured; medians count")
	flags.BoolVar(&o.smoke, "smoke", false, "sizes that take a moment: that everything runs, not how fast")
	flags.BoolVar(&o.empty, "empty", false, "empty the real servers, whoever's topics and tables they have")
	flags.StringVar(&o.output, "o", "text", "text or json")
	flags.StringVar(&o.profile, "cpuprofile", "", "`directory` that takes a CPU profile of each process measured")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.run, err = regexp.Compile(*pattern); err == nil && (o.output != "text" && o.output != "json" || o.rounds < 1 || flags.NArg() > 0) {
		err = errors.New("-o is text or json, -rounds 1 or more, and there are no arguments")
	}
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "bench:", err)
	}
	if o.smoke {
		o.rounds = 1
	}
	return o, err
}

// measure runs the contests and prints what was measured, also where a later
// one breaks.
func (o options) measure(ctx context.Context, s Streams) error {
	// The load generator runs in this process, under the product's settings.
	settings.TuneMemory()
	dir, err := os.MkdirTemp("", "floodgate-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.profile != "" {
		if err := os.MkdirAll(o.profile, 0o755); err != nil { //nolint:gosec // profiles are not secret
			return err
		}
	}
	env := rounds.Env{
		Servers: servers.FromEnvironment(), Smoke: o.smoke, Empty: o.empty, Rounds: o.rounds, Dir: dir, Log: s.Err,
		Children: &child.Starter{ProfileDir: o.profile, Log: s.Err},
	}
	var rows []rounds.Row
	for _, c := range contests() {
		if o.run.MatchString(c.Name) {
			var more []rounds.Row
			more, err = rounds.Run(ctx, c, env)
			rows = append(rows, more...)
			if err != nil {
				break
			}
		}
	}
	return errors.Join(err, o.print(s.Out, rows))
}

func (o options) print(w io.Writer, rows []rounds.Row) error {
	if o.output == "json" {
		return table.JSON(w, rows)
	}
	return table.Text(w, rows)
}
