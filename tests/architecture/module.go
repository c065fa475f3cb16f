package architecture

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Module is what a go.mod of the workspace says about its siblings.
type Module struct {
	// Dir is its folder below the root.
	Dir string
	// Path is its module path.
	Path string
	// Requires are the siblings it requires.
	Requires []string
	// Replaces are the folders it finds siblings in, relative to Dir.
	Replaces map[string]string
}

// goMod is the part of `go mod edit -json` that is read here.
type goMod struct {
	Module  struct{ Path string }
	Require []struct{ Path string }
	Replace []struct {
		Old struct{ Path string }
		New struct{ Path, Version string }
	}
}

// Modules reads the go.mod files of a tree but those below tools/, which are
// outside the workspace on purpose: their dependencies must not decide ours.
func Modules(ctx context.Context, root string, tree Tree) ([]Module, error) {
	var modules []Module
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if path.Base(name) != "go.mod" || strings.HasPrefix(name, "tools/") {
			continue
		}
		parsed, err := goJSON[goMod](ctx, root, "mod", "edit", "-json", name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		modules = append(modules, parsed[0].module(path.Dir(name)))
	}
	return modules, nil
}

func (f *goMod) module(dir string) Module {
	m := Module{Dir: dir, Path: f.Module.Path, Replaces: map[string]string{}}
	for _, require := range f.Require {
		if strings.HasPrefix(require.Path, module) {
			m.Requires = append(m.Requires, require.Path)
		}
	}
	for _, replace := range f.Replace {
		if strings.HasPrefix(replace.Old.Path, module) && replace.New.Version == "" {
			m.Replaces[replace.Old.Path] = replace.New.Path
		}
	}
	return m
}

// Used lists the folders that go.work names, relative to root.
func Used(ctx context.Context, root string) ([]string, error) {
	type goWork struct{ Use []struct{ DiskPath string } }
	parsed, err := goJSON[goWork](ctx, root, "work", "edit", "-json")
	if err != nil {
		return nil, fmt.Errorf("reading go.work: %w", err)
	}
	var dirs []string
	for _, use := range parsed[0].Use {
		dirs = append(dirs, path.Clean(use.DiskPath))
	}
	return dirs, nil
}

// ModuleFaults answers a sentence for each module that go.work does not use,
// that bears another path than its folder, or that cannot be built by itself:
// replace lines are not inherited, so each repeats those of all siblings that it
// requires and that these require.
func ModuleFaults(modules []Module, used []string) []string {
	var faults []string
	byPath := map[string]Module{}
	for _, m := range modules {
		byPath[m.Path] = m
	}
	for _, m := range modules {
		if !slices.Contains(used, m.Dir) {
			faults = append(faults, m.Dir+" is not used by go.work")
		}
		if m.Path != module+m.Dir {
			faults = append(faults, fmt.Sprintf("%s is module %s, not %s%s", m.Dir, m.Path, module, m.Dir))
		}
		for _, sibling := range slices.Sorted(maps.Keys(siblings(m, byPath, map[string]bool{}))) {
			folder, replaced := m.Replaces[sibling]
			switch {
			case !replaced:
				faults = append(faults, fmt.Sprintf("%s needs %s and has no local replace for it", m.Dir, short(sibling)))
			case path.Join(m.Dir, folder) != short(sibling):
				faults = append(faults, fmt.Sprintf("%s takes %s from %s", m.Dir, short(sibling), folder))
			}
		}
	}
	return faults
}

// siblings collects what m requires, and what that requires.
func siblings(m Module, byPath map[string]Module, found map[string]bool) map[string]bool {
	for _, sibling := range m.Requires {
		if !found[sibling] {
			found[sibling] = true
			siblings(byPath[sibling], byPath, found)
		}
	}
	return found
}
