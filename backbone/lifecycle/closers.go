package lifecycle

import (
	"log/slog"
	"slices"
)

// Closers are what a part has opened, in that order. The zero value is none. It
// serves one goroutine at a time.
type Closers struct{ opened []closer }

type closer struct {
	name  string
	close func() error
}

// Add notes what was opened last; name is what operators call it.
func (c *Closers) Add(name string, closing func() error) {
	c.opened = append(c.opened, closer{name, closing})
}

// CloseAll closes each once, the last first. Faults are logged: nothing is left to
// be done about them.
func (c *Closers) CloseAll(log *slog.Logger) {
	for _, o := range slices.Backward(c.opened) {
		if err := o.close(); err != nil {
			log.Warn("closing", slog.String("part", o.name), slog.Any("error", err))
		}
	}
	c.opened = nil
}
