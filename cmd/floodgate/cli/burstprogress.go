package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"floodgate.internal/cmd/floodgate/burst"
)

// lineEvery is how often progress is a line where there is no terminal.
const lineEvery = 3 * time.Second

// progressView shows how far a burst is: a bar on a terminal, lines elsewhere.
// Used by one goroutine at a time.
type progressView struct {
	out      io.Writer
	terminal bool
	phase    burst.Phase
	bar      *progressbar.ProgressBar
	told     time.Duration
}

func newProgressView(out io.Writer) *progressView {
	f, ok := out.(*os.File)
	return &progressView{out: out, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// show brings the view up to date.
func (v *progressView) show(p burst.Progress) {
	if p.Phase != v.phase {
		v.close()
		v.phase, v.told = p.Phase, 0
		if v.terminal {
			v.bar = v.newBar(p)
		}
	}
	if v.bar != nil {
		// A full bar is finished and takes no more; a poll that others use too
		// may have more votes than the burst.
		_ = v.bar.Set64(min(p.Done, p.Total))
		return
	}
	if p.Elapsed-v.told >= lineEvery {
		v.told = p.Elapsed
		_, _ = fmt.Fprintf(v.out, "%-11s %d of %d in %.0f s\n", p.Phase, p.Done, p.Total, p.Elapsed.Seconds())
	}
}

func (v *progressView) newBar(p burst.Progress) *progressbar.ProgressBar {
	return progressbar.NewOptions64(p.Total,
		progressbar.OptionSetWriter(v.out),
		progressbar.OptionSetDescription(fmt.Sprintf("%-11s", p.Phase)),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("votes"),
		progressbar.OptionThrottle(100*time.Millisecond),
	)
}

// close ends the line of the bar.
func (v *progressView) close() {
	if v.bar == nil {
		return
	}
	_ = v.bar.Exit()
	_, _ = fmt.Fprintln(v.out)
	v.bar = nil
}
