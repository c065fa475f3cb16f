// Package child runs one side of a comparison in a process of its own: the
// program starts itself again under a hidden command. So each side begins with
// an empty heap, and its processor time and memory are its own.
//
// They speak in lines of JSON: the child says when it is ready, answers each
// line it is sent with what it has used so far, and ends with its input.
package child

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/pprof"

	"floodgate.internal/backbone/settings"
	"floodgate.internal/tests/bench/internal/usage"
)

// Command is the hidden first argument.
const Command = "child"

// Body is what a child does. It calls ready once with what the parent must
// know, such as an address, and returns after ctx has ended.
type Body func(ctx context.Context, settings json.RawMessage, ready func(info any)) error

// order is what the parent tells a child at its start.
type order struct {
	Name string
	// Profile is the file that takes the CPU profile.
	Profile  string
	Settings json.RawMessage
}

// answer is a line of the child's.
type answer struct {
	Info  json.RawMessage `json:",omitempty"`
	Usage usage.Usage
}

// Main is the child's main: it reads the order and runs the body of that name
// until its input ends, and answers the exit code.
func Main(ctx context.Context, bodies map[string]Body, in io.Reader, out, errOut io.Writer) int {
	// Both sides of every comparison run under the settings of the product.
	settings.TuneMemory()
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	var o order
	if err == nil {
		err = json.Unmarshal(first, &o)
	}
	body := bodies[o.Name]
	if err == nil && body == nil {
		err = fmt.Errorf("no child is named %q", o.Name)
	}
	if err == nil {
		err = run(ctx, body, o, lines, json.NewEncoder(out))
	}
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "%s: %v\n", o.Name, err)
		return 1
	}
	return 0
}

func run(ctx context.Context, body Body, o order, lines *bufio.Reader, out *json.Encoder) error {
	stopProfile, err := profile(o.Profile)
	if err != nil {
		return err
	}
	defer stopProfile()
	// A signal from the terminal reaches parent and children alike; the parent
	// then ends the children in order.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var fault error
	ready := func(info any) {
		raw, err := json.Marshal(info)
		if err == nil {
			err = out.Encode(answer{Info: raw, Usage: usage.Self()})
		}
		if err != nil {
			fault = err
			cancel()
			return
		}
		go serve(cancel, lines, out)
	}
	if err := body(ctx, o.Settings, ready); err != nil {
		return err
	}
	return fault
}

// serve answers each line with the usage so far; the end of the input ends the
// child.
func serve(cancel context.CancelFunc, lines *bufio.Reader, out *json.Encoder) {
	defer cancel()
	for {
		if _, err := lines.ReadBytes('\n'); err != nil {
			return
		}
		if err := out.Encode(answer{Usage: usage.Self()}); err != nil {
			return
		}
	}
}

// profile begins a CPU profile; what it answers ends it.
func profile(file string) (func(), error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("create the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("profile into %s: %w", file, err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}
