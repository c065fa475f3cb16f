package route

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Table finds routes by path. It is read only and safe for concurrent use.
type Table struct {
	resources []*Resource
	services  map[protoreflect.FullName][]*Route
}

// Resource is a path template with the methods it allows.
type Resource struct {
	segments []string // a field's segment is "",
	names    []string // and here is its name
	verb     string   // behind the colon of the last segment
	routes   []*Route
	allow    string
}

// NewTable reads every REST path of the services.
func NewTable(services ...protoreflect.ServiceDescriptor) (*Table, error) {
	t := &Table{services: map[protoreflect.FullName][]*Route{}}
	for _, service := range services {
		methods := service.Methods()
		for i := range methods.Len() {
			for _, rule := range rules(methods.Get(i)) {
				route, err := newRoute(methods.Get(i), rule)
				if err != nil {
					return nil, err
				}
				if err := t.add(route); err != nil {
					return nil, err
				}
				t.services[service.FullName()] = append(t.services[service.FullName()], route)
			}
		}
	}
	return t, nil
}

// Of lists a service's routes in the order of its .proto.
func (t *Table) Of(service protoreflect.FullName) []*Route { return t.services[service] }

// add puts a route beside the others of its path, which must call the path's
// fields by the same names.
func (t *Table) add(route *Route) error {
	segments, names, verb := parse(route.Pattern)
	i := slices.IndexFunc(t.resources, func(r *Resource) bool {
		return r.verb == verb && slices.Equal(r.segments, segments)
	})
	if i < 0 {
		i = len(t.resources)
		t.resources = append(t.resources, &Resource{segments: segments, names: names, verb: verb})
	}
	resource := t.resources[i]
	if !slices.Equal(resource.names, names) {
		return fmt.Errorf("route %s: its fields are called otherwise than those of %s", route.Span, resource.routes[0].Span)
	}
	resource.routes = append(resource.routes, route)
	resource.allow = allow(resource.routes)
	return nil
}

// Match answers what stands at a path (decoded, as url.URL.Path), nil for
// nothing. Ids hold no colon, so a colon always begins a verb, and a verb that
// no template has is no path at all rather than part of an id.
func (t *Table) Match(path string) *Resource {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil
	}
	verb := ""
	slash := strings.LastIndexByte(rest, '/')
	if colon := strings.LastIndexByte(rest, ':'); colon > slash {
		rest, verb = rest[:colon], rest[colon+1:]
		if verb == "" {
			return nil
		}
	}
	for _, resource := range t.resources {
		if resource.verb == verb && resource.matches(rest) {
			return resource
		}
	}
	return nil
}

// matches compares segment by segment, without allocating.
func (r *Resource) matches(rest string) bool {
	for i, want := range r.segments {
		segment, tail, more := strings.Cut(rest, "/")
		if more == (i == len(r.segments)-1) {
			return false
		}
		if want == "" && (segment == "" || strings.IndexByte(segment, ':') >= 0) || want != "" && want != segment {
			return false
		}
		rest = tail
	}
	return true
}

// Route answers the resource's route for an HTTP method, nil where it is not
// allowed. HEAD is GET without the body, except on streams, which have no end.
func (r *Resource) Route(method string) *Route {
	for _, route := range r.routes {
		bodyless := method == http.MethodHead && route.Method == http.MethodGet && !route.Stream
		if route.Method == method || bodyless {
			return route
		}
	}
	return nil
}

// Params reads the fields that a matched path holds, by their proto names; nil
// where it holds none.
func (r *Resource) Params(path string) map[string]string {
	var params map[string]string
	rest := strings.TrimPrefix(path, "/")
	if r.verb != "" {
		rest = strings.TrimSuffix(rest, ":"+r.verb)
	}
	for i := range r.segments {
		segment, tail, _ := strings.Cut(rest, "/")
		if name := r.names[i]; name != "" {
			if params == nil {
				params = make(map[string]string, 2) // poll and vote; no path holds more
			}
			params[name] = segment
		}
		rest = tail
	}
	return params
}

// Allow is the value of the Allow header that goes with a 405.
func (r *Resource) Allow() string { return r.allow }

// allow lists the routes' methods, HEAD behind GET.
func allow(routes []*Route) string {
	var methods []string
	for _, route := range routes {
		methods = append(methods, route.Method)
		if route.Method == http.MethodGet && !route.Stream {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(slices.Compact(methods), ", ")
}

// parse splits a template into segments, the names of its fields, and verb.
func parse(pattern string) (segments, names []string, verb string) {
	segments = strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	last := len(segments) - 1
	segments[last], verb, _ = strings.Cut(segments[last], ":")
	names = make([]string, len(segments))
	for i, segment := range segments {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			segments[i], names[i] = "", strings.TrimSuffix(name, "}")
		}
	}
	return segments, names, verb
}
