package burst

import (
	"cmp"
	"slices"

	"floodgate.internal/cmd/floodgate/burst/internal/wire"
)

// Cause is one way in which requests were not accepted.
type Cause struct {
	// Name is an HTTP status, a gRPC code or a word on the connection.
	Name string `json:"name"`
	// Requests is how many it met.
	Requests int64 `json:"requests"`
	// Example is the text of one of them.
	Example string `json:"example"`
}

// causes are kept by name.
type causes map[string]*Cause

func (c causes) add(a wire.Answer) {
	if known := c[a.Cause]; known != nil {
		known.Requests++
		return
	}
	c[a.Cause] = &Cause{Name: a.Cause, Requests: 1, Example: a.Detail}
}

func (c causes) merge(other causes) {
	for name, cause := range other {
		if known := c[name]; known != nil {
			known.Requests += cause.Requests
		} else {
			c[name] = cause
		}
	}
}

// list answers the causes, the most frequent first.
func (c causes) list() []Cause {
	out := make([]Cause, 0, len(c))
	for _, cause := range c {
		out = append(out, *cause)
	}
	slices.SortFunc(out, func(x, y Cause) int {
		return cmp.Or(cmp.Compare(y.Requests, x.Requests), cmp.Compare(x.Name, y.Name))
	})
	return out
}
