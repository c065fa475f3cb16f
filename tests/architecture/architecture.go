// Package architecture holds the tree to its plan: who may import whom, which
// third party may be met where, which rooms a service has, and that a module
// builds without the workspace. It reads what `go list` and the file system say
// and answers with sentences; its tests run it over the repository, and over
// small trees that break each rule.
package architecture

import (
	"fmt"
	"slices"
	"strings"
)

// module is the prefix of the import path of everything of our own.
const module = "floodgate.internal/"

// Package is a Go package of the workspace.
type Package struct {
	// ImportPath is whole, as in "floodgate.internal/backbone/rpc".
	ImportPath string
	// Name is the identifier of the package clause.
	Name string
	// Imports are those of files that are built; those of tests are free.
	Imports []string
}

// ImportFaults answers a sentence for each import that the table in layer.go or
// the lists in thirdparty.go do not allow, and for each package that stands
// where nothing is planned.
func ImportFaults(packages []Package) []string {
	var faults []string
	for _, p := range packages {
		from, known := placeOf(p.ImportPath)
		if !known {
			faults = append(faults, short(p.ImportPath)+" stands where no layer is planned: see tests/architecture/layer.go")
			continue
		}
		for _, path := range p.Imports {
			if reason := objection(from, path); reason != "" {
				faults = append(faults, fmt.Sprintf("%s imports %s: %s", short(p.ImportPath), short(path), reason))
			}
		}
	}
	return faults
}

// objection answers why a package at a place may not import a path; "" where it
// may.
func objection(from place, path string) string {
	if strings.HasPrefix(path, module) {
		return ownObjection(from, path)
	}
	if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
		if within(path, thirdParties(from.layer)) {
			return ""
		}
		return fmt.Sprintf("%s may import no such third party: see tests/architecture/thirdparty.go", from.layer)
	}
	if from.layer == rules && within(path, impure()) {
		return "rules are pure, without " + strings.Join(impure(), ", ")
	}
	return ""
}

func ownObjection(from place, path string) string {
	to, known := placeOf(path)
	switch {
	case !known:
		return "it stands where no layer is planned"
	case from.service != "" && to.service != "" && from.service != to.service:
		return "a service may import no other"
	case !slices.Contains(from.layer.mayImport(), to.layer):
		return fmt.Sprintf("%s may import only %s", from.layer, from.layer.mayImportWords())
	default:
		return ""
	}
}

// NameFaults answers a sentence for each package named after what is left when
// nobody knows what belongs together.
func NameFaults(packages []Package) []string {
	vague := []string{"util", "utils", "common", "helper", "helpers", "types", "manager", "managers"}
	var faults []string
	for _, p := range packages {
		if slices.Contains(vague, p.Name) {
			faults = append(faults, fmt.Sprintf("%s is named %s: say what it does", short(p.ImportPath), p.Name))
		}
	}
	return faults
}

// impure are the trees of the standard library that reach outside or wait.
func impure() []string { return []string{"context", "net", "os", "log/slog"} }

// within answers whether a path is one of the trees or stands in one.
func within(path string, trees []string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool {
		return path == tree || strings.HasPrefix(path, tree+"/")
	})
}

// short is an import path as people say it: our own without the module prefix.
func short(path string) string { return strings.TrimPrefix(path, module) }
