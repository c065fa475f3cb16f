package architecture_test

import (
	"os"
	"path/filepath"
	"testing"

	"floodgate.internal/tests/architecture"
)

// root is the folder of go.work, by a path that starts in the module of this
// test: see architecture.Files.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(dir) + "/.."
}

func report(t *testing.T, faults []string) {
	t.Helper()
	for _, fault := range faults {
		t.Error(fault)
	}
}

func TestImportsAndNames(t *testing.T) {
	t.Parallel()
	packages, err := architecture.Packages(t.Context(), root(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) == 0 {
		t.Fatal("the workspace has no packages")
	}
	report(t, architecture.ImportFaults(packages))
	report(t, architecture.NameFaults(packages))
}

func TestModulesBuildAlone(t *testing.T) {
	t.Parallel()
	tree, err := architecture.Files(root(t))
	if err != nil {
		t.Fatal(err)
	}
	modules, err := architecture.Modules(t.Context(), root(t), tree)
	if err != nil {
		t.Fatal(err)
	}
	used, err := architecture.Used(t.Context(), root(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) == 0 {
		t.Fatal("the repository has no modules")
	}
	report(t, architecture.ModuleFaults(modules, used))
}

func TestServicesHaveTheirRooms(t *testing.T) {
	t.Parallel()
	tree, err := architecture.Files(root(t))
	if err != nil {
		t.Fatal(err)
	}
	report(t, architecture.RoomFaults(tree))
}
