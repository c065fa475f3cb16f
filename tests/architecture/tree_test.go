package architecture_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"floodgate.internal/tests/architecture"
)

func TestModuleFaults(t *testing.T) {
	t.Parallel()
	const proto, backbone = "floodgate.internal/proto", "floodgate.internal/backbone"
	base := []architecture.Module{
		{Dir: "proto", Path: proto},
		{Dir: "backbone", Path: backbone, Requires: []string{proto}, Replaces: map[string]string{proto: "../proto"}},
	}
	used := []string{"proto", "backbone", "services/vote"}
	vote := func(replaces map[string]string) architecture.Module {
		return architecture.Module{
			Dir: "services/vote", Path: "floodgate.internal/services/vote", Requires: []string{backbone}, Replaces: replaces,
		}
	}
	for name, tt := range map[string]struct {
		module architecture.Module
		want   []string
	}{
		"whole": {vote(map[string]string{proto: "../../proto", backbone: "../../backbone"}), nil},
		"a sibling of a sibling": {
			vote(map[string]string{backbone: "../../backbone"}),
			[]string{"services/vote needs proto and has no local replace for it"},
		},
		"elsewhere": {
			vote(map[string]string{proto: "../../proto", backbone: "../backbone"}),
			[]string{"services/vote takes backbone from ../backbone"},
		},
		"unused and misnamed": {
			architecture.Module{Dir: "web", Path: "example.org/web"},
			[]string{"web is not used by go.work", "web is module example.org/web, not floodgate.internal/web"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := architecture.ModuleFaults(append(slices.Clone(base), tt.module), used)
			if !slices.Equal(got, tt.want) {
				t.Errorf("answered %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRoomFaults(t *testing.T) {
	t.Parallel()
	tree := architecture.Tree{
		"services/gateway/go.mod": "", "services/gateway/README.md": "", "services/gateway/gateway.go": "",
		"services/gateway/config.go": "",
		"services/dlq/go.mod":        "", "services/dlq/dlq.go": "", "services/dlq/config.go": "",
		"services/dlq/cmd/dlq/main.go":         strings.Repeat("\n", 26),
		"services/dlq/internal/letter/rule.go": "", "services/dlq/internal/server/server.go": "",
		"services/dlq/internal/store/store.go": "", "services/dlq/internal/store/migrations/1.sql": "",
		"services/dlq/internal/stream/consume.go": "", "services/dlq/internal/redriveother/a.go": "",
	}
	want := []string{
		"services/dlq/README.md is missing",
		"services/dlq/internal/redrive/ is missing",
		"services/dlq/internal/store/storetest/ is missing",
		"services/dlq/cmd/dlq/main.go has 26 lines, more than 25",
	}
	if got := architecture.RoomFaults(tree); !slices.Equal(got, want) {
		t.Errorf("answered %q, want %q", got, want)
	}
}

// A module of one's own beside the workspace is seen; tools and caches are not.
func TestFilesAndModules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.work":                     "go 1.26.0\n\nuse ./proto\n",
		"proto/go.mod":                "module floodgate.internal/proto\n",
		"tools/go.mod":                "module floodgate.internal/tools\n",
		".cache/x/go.mod":             "module floodgate.internal/x\n",
		"services/vote/cmd/a/main.go": "package main\n",
		"services/vote/go.mod": "module floodgate.internal/services/vote\nrequire floodgate.internal/proto v0.0.0\n" +
			"replace floodgate.internal/proto => ../../proto\n",
	} {
		write(t, filepath.Join(dir, name), content)
	}
	tree, err := architecture.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := tree["services/vote/cmd/a/main.go"]; got != "package main\n" {
		t.Errorf("main.go reads %q", got)
	}
	modules, err := architecture.Modules(t.Context(), dir, tree)
	if err != nil {
		t.Fatal(err)
	}
	used, err := architecture.Used(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"services/vote is not used by go.work"}
	if got := architecture.ModuleFaults(modules, used); !slices.Equal(got, want) {
		t.Errorf("answered %q, want %q", got, want)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
