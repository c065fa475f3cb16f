package architecture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mainLines bounds a service's main.go: what is longer decides something, and
// belongs into a package that a test can call.
const mainLines = 25

// RoomFaults answers a sentence for each thing that a service lacks of what
// every service has. The gateway has nothing to decide or to store, and so rooms
// of its own.
func RoomFaults(tree Tree) []string {
	var faults []string
	for _, service := range services(tree) {
		dir := "services/" + service + "/"
		main := dir + "cmd/" + service + "/main.go"
		wanted := []string{dir + "go.mod", dir + "README.md", dir + service + ".go", dir + "config.go"}
		if service != "gateway" {
			wanted = append(wanted, main, dir+"internal/store/storetest/", dir+"internal/store/migrations/")
			for room := range rooms(service) {
				wanted = append(wanted, dir+"internal/"+room+"/")
			}
		}
		slices.Sort(wanted)
		for _, name := range wanted {
			if !tree.has(name) {
				faults = append(faults, name+" is missing")
			}
		}
		if lines := strings.Count(tree[main], "\n"); lines > mainLines {
			faults = append(faults, fmt.Sprintf("%s has %d lines, more than %d", main, lines, mainLines))
		}
	}
	return faults
}

// services lists the folders below services/.
func services(tree Tree) []string {
	names := map[string]bool{}
	for name := range tree {
		if below, found := strings.CutPrefix(name, "services/"); found {
			service, _, _ := strings.Cut(below, "/")
			names[service] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// has answers whether there is such a file, or, where the name ends in a slash,
// any file below it.
func (t Tree) has(name string) bool {
	if _, found := t[name]; found {
		return true
	}
	for file := range t {
		if strings.HasSuffix(name, "/") && strings.HasPrefix(file, name) {
			return true
		}
	}
	return false
}
