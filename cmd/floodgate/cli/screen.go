package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// What a terminal obeys (ECMA-48): the cursor home, and the rest of the line and
// of the screen cleared. Clearing as it writes, a screen does not flicker.
const (
	cursorHome = "\x1b[H"
	clearLine  = "\x1b[K"
	clearBelow = "\x1b[J"
)

// screen is a terminal on which a text is drawn anew in place. Used by one
// goroutine at a time.
type screen struct {
	out io.Writer
	// size answers columns and lines.
	size func() (width, height int, err error)
}

// newScreen answers a screen, nil where out is no terminal.
func newScreen(out io.Writer) *screen {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &screen{out, func() (int, int, error) { return term.GetSize(int(f.Fd())) }}
}

// show draws a view; where it does not fit, without the partitions at rest.
func (s *screen) show(v *lagView) error {
	width, height, err := s.size()
	if err != nil || width < 1 || height < 2 {
		width, height = 80, 24 // what terminals have had since the VT100
	}
	var lines []string
	for _, folded := range []bool{false, true} {
		var text strings.Builder
		if err := writeLag(&text, v, folded); err != nil {
			return err
		}
		if lines = strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n"); len(lines) < height {
			break
		}
	}
	return s.draw(lines, width, height)
}

// draw writes as many lines as fit, one line of the screen being the cursor's.
func (s *screen) draw(lines []string, width, height int) error {
	if fit := height - 2; len(lines) > fit+1 {
		lines = append(lines[:fit:fit], fmt.Sprintf("… and %d lines more", len(lines)-fit))
	}
	var text strings.Builder
	text.WriteString(cursorHome)
	for _, line := range lines {
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width-1]) + "…"
		}
		text.WriteString(line + clearLine + "\r\n")
	}
	text.WriteString(clearBelow)
	_, err := io.WriteString(s.out, text.String())
	return err
}
