package introspect_test

import (
	"testing"

	"floodgate.internal/backbone/introspect"
)

// What one look costs at a process with twelve full claims.
func BenchmarkInspect(b *testing.B) {
	r := introspect.New(introspect.Build{})
	r.Add("vote", introspect.Group("g", crowd{12, 64}))
	for b.Loop() {
		r.Inspect(b.Context(), nil)
	}
}
