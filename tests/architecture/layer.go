package architecture

import (
	"slices"
	"strings"
)

// layer is a row of the table below, by the name that messages use.
type layer string

const (
	contract layer = "proto"
	backbone layer = "backbone"
	// embedded are the broker and database in the process: production uses real
	// ones, so that only what a person starts may know them.
	embedded layer = "backbone/embedded"
	// rules decide, effects do; the three rooms after them connect effects to
	// gRPC, to databases and to the broker, and know nothing of each other.
	rules   layer = "rules"
	effects layer = "effects"
	server  layer = "server"
	store   layer = "store"
	stream  layer = "stream"
	// door is the root package of a service, which wires its rooms.
	door    layer = "a service's root"
	gateway layer = "the gateway"
	program layer = "a service's main"
	command layer = "cmd/floodgate"
	suites  layer = "tests"
	// testkit are packages that serve tests of other packages (storetest).
	testkit layer = "test support"
)

// mayImport is the table: what of our own a layer may import, within one
// service.
func (l layer) mayImport() []layer {
	switch l {
	case contract:
		return []layer{contract}
	case backbone:
		return []layer{backbone, contract}
	case embedded:
		return []layer{embedded, backbone, contract}
	case rules:
		return []layer{rules}
	case effects:
		return []layer{effects, rules}
	case server, store, stream:
		return []layer{l, effects, rules, backbone, contract}
	case door:
		return []layer{server, store, stream, effects, rules, backbone, contract}
	case gateway:
		return []layer{gateway, backbone, contract}
	case program:
		return []layer{door, gateway, embedded, backbone}
	case command:
		return []layer{command, door, gateway, embedded, backbone, contract}
	case suites:
		return []layer{suites, command, door, gateway, testkit, embedded, backbone, contract}
	case testkit:
		return []layer{testkit, command, door, gateway, server, store, stream, effects, rules, embedded, backbone, contract}
	default:
		return nil
	}
}

// mayImportWords is mayImport without the layer itself, for a message.
func (l layer) mayImportWords() string {
	var words []string
	for _, other := range l.mayImport() {
		if other != l {
			words = append(words, string(other))
		}
	}
	if len(words) == 0 {
		return "itself"
	}
	return strings.Join(words, ", ")
}

// place is where a package stands; service is empty outside services/.
type place struct {
	layer   layer
	service string
}

// placeOf answers where an import path of our own stands; false where nothing
// is planned.
func placeOf(path string) (place, bool) {
	parts := strings.Split(short(path), "/")
	if last := parts[len(parts)-1]; strings.HasSuffix(last, "test") && last != "test" {
		return place{testkit, serviceOf(parts)}, true
	}
	switch {
	case parts[0] == "services" && len(parts) > 1:
		return servicePlace(parts[1], parts[2:])
	case parts[0] == "backbone" && len(parts) > 1 && parts[1] == "embedded":
		return place{layer: embedded}, true
	case slices.Contains([]string{"backbone", "proto", "tests"}, parts[0]):
		return place{layer: layer(parts[0])}, true
	case len(parts) > 1 && parts[0] == "cmd" && parts[1] == "floodgate":
		return place{layer: command}, true
	default:
		return place{}, false
	}
}

func serviceOf(parts []string) string {
	if parts[0] == "services" && len(parts) > 1 {
		return parts[1]
	}
	return ""
}

// servicePlace places a package by its path below services/<service>.
func servicePlace(service string, below []string) (place, bool) {
	switch {
	case len(below) > 0 && below[0] == "cmd":
		return place{program, service}, true
	case service == "gateway":
		return place{gateway, service}, true
	case len(below) == 0:
		return place{door, service}, true
	case len(below) > 1 && below[0] == "internal":
		room, known := rooms(service)[below[1]]
		return place{room, service}, known
	default:
		return place{}, false
	}
}

// rooms are the folders below a service's internal/. The first two bear the
// words of its field.
func rooms(service string) map[string]layer {
	words := map[string][2]string{
		"vote":    {"ballot", "casting"},
		"queue":   {"line", "admission"},
		"payment": {"charge", "settlement"},
		"notify":  {"message", "delivery"},
		"dlq":     {"letter", "redrive"},
	}
	named := map[string]layer{"server": server, "store": store, "stream": stream}
	if pair, planned := words[service]; planned {
		named[pair[0]], named[pair[1]] = rules, effects
	}
	return named
}
