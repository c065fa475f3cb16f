package introspect

import (
	"runtime"
	"runtime/debug"
)

// Build is what is known of a program.
type Build struct {
	// Version is the module's; "devel" where it was built from a working tree.
	Version string `json:"version"`
	// Revision is the commit; empty where the build does not know it.
	Revision string `json:"revision,omitempty"`
	// Go is the version of Go that built it.
	Go string `json:"go"`
}

// ReadBuild reads what the Go tool has written into the running program.
func ReadBuild() Build {
	b := Build{Version: "devel", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			b.Revision = setting.Value
		}
	}
	return b
}
