// Package introspecttest holds what services tell of themselves against what
// they are.
package introspecttest

import (
	"reflect"
	"testing"

	"floodgate.internal/backbone/introspect"
)

// EverySetting fails the test for each field of config that is not told. Fields
// of a struct are named "Outer.Inner", unless it is told as a whole; those of
// ours the service sets by itself, and what is no value has no text.
func EverySetting(t testing.TB, told []introspect.Setting, config any, ours ...string) {
	t.Helper()
	known := map[string]bool{}
	for _, s := range told {
		known[s.Name] = true
	}
	for _, name := range ours {
		known[name] = true
	}
	var walk func(prefix string, of reflect.Type)
	walk = func(prefix string, of reflect.Type) {
		for _, f := range reflect.VisibleFields(of) {
			name := prefix + f.Name
			switch kind := f.Type.Kind(); {
			case known[name] || kind == reflect.Interface || kind == reflect.Pointer:
			case kind == reflect.Struct:
				walk(name+".", f.Type)
			default:
				t.Errorf("%s is not told", name)
			}
		}
	}
	walk("", reflect.TypeOf(config))
}
