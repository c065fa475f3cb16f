package dlq

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq/internal/redrive"
)

// routeForm is how a route is written.
const routeForm = "TOPIC/GROUP=TO[:letters=TOPIC][:wait=DURATION][:every-group]"

// parseRoute reads where failures of another framework's group are replayed to:
//
//	orders/billing=orders.again
//	orders/billing=orders.again:wait=15m
//	orders/connect-sink=orders:every-group:letters=connect-dlq
//
// Failures of the group billing on the topic orders go to orders.again, which that
// group reads beside orders. The options, in any order:
//
//   - letters: the dead-letter topic in which a record of TO that fails again
//     appears. By default the first of Spring's names, TO.DLT and TO-dlt, that the
//     service reads.
//   - wait: how long the group must have passed a record before no letter of it
//     means that it was applied. By default not at all; a group that has retry
//     topics is given longer than all retries may take.
//   - every-group: TO is TOPIC itself, and every group that reads it gets the
//     record again. Without it such a route is refused.
func parseRoute(text string) (r redrive.Route, everyGroup bool, err error) {
	target, options, _ := strings.Cut(text, ":")
	from, to, named := strings.Cut(target, "=")
	topic, group, whose := strings.Cut(from, "/")
	if !named || !whose || topic == "" || group == "" || to == "" {
		return r, false, errors.New("must be " + routeForm)
	}
	r = redrive.Route{Topic: topic, Group: group, To: to}
	for option := range strings.SplitSeq(options, ":") {
		name, value, _ := strings.Cut(option, "=")
		switch {
		case options == "":
		case option == "every-group":
			everyGroup = true
		case name == "letters" && value != "":
			r.Letters = value
		case name == "wait":
			if r.Wait, err = time.ParseDuration(value); err != nil || r.Wait < 0 {
				return r, false, fmt.Errorf("wait %q must be a time, as in 15m", value)
			}
		default:
			return r, false, fmt.Errorf("option %q is none of letters=TOPIC, wait=DURATION, every-group", option)
		}
	}
	return r, everyGroup, nil
}

// routes answers the routes of the settings, and every fault of them at once.
func (c Config) routes() ([]redrive.Route, error) {
	var routes []redrive.Route
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, text := range c.Routes {
		r, everyGroup, err := parseRoute(text)
		if err != nil {
			fault("Routes has %q: it %w", text, err)
			continue
		}
		if r.Letters == "" {
			r.Letters = c.lettersOf(r.To)
		}
		for _, wrong := range slices.Concat(c.routeFaults(r, everyGroup), clashes(r, routes)) {
			fault("Routes has %q: %s", text, wrong)
		}
		routes = append(routes, r)
	}
	return routes, errors.Join(faults...)
}

// lettersOf answers the topic in which Spring puts what fails on another, by its
// older name or the present one; "" where neither is read.
func (c Config) lettersOf(topic string) string {
	for _, name := range []string{topic + ".DLT", topic + "-dlt"} {
		if slices.Contains(c.Topics, name) {
			return name
		}
	}
	return ""
}

// routeFaults answers what is wrong with a route by itself.
func (c Config) routeFaults(r redrive.Route, everyGroup bool) []string {
	var faults []string
	fault := func(broken bool, format string, args ...any) {
		if broken {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	_, own := topics.Lookup(r.To)
	fault(ownGroup(r.Group), "%s is a group of Floodgate's own, whose failures go to its own replay topic", r.Group)
	fault(own, "%s is Floodgate's own: name a topic of the group's", r.To)
	fault(slices.Contains(c.Topics, r.Topic), "%s is a dead-letter topic: name the one on which its records failed", r.Topic)
	fault(slices.Contains(c.Topics, r.To), "%s is a dead-letter topic that is read here: what is replayed there would be a failure again", r.To)
	fault(r.To == r.Topic && !everyGroup, "every group that reads %s would get its records again: write :every-group behind it, or name a topic of %s's alone", r.To, r.Group)
	fault(r.To != r.Topic && everyGroup, "every-group is for a route to %s itself", r.Topic)
	fault(r.Letters == "", "none of Topics is %s.DLT or %s-dlt, where what fails again on %s would appear: name the topic there, and by letters= where it is called otherwise",
		r.To, r.To, r.To)
	fault(r.Letters != "" && !slices.Contains(c.Topics, r.Letters), "what fails again appears in %s, which is not read: name it in Topics", r.Letters)
	return faults
}

// clashes answers what is wrong with a route beside those before it, the first of
// it.
func clashes(r redrive.Route, before []redrive.Route) []string {
	for _, b := range before {
		if b.Topic == r.Topic && b.Group == r.Group {
			return []string{fmt.Sprintf("%s of %s has a route to %s already", r.Group, r.Topic, b.To)}
		}
		if alone := !b.EveryGroup() || !r.EveryGroup(); b.To == r.To && b.Group != r.Group && alone {
			return []string{fmt.Sprintf("%s gets records of %s: a group's topic must be its own", r.To, b.Group)}
		}
	}
	return nil
}

// ownGroup says whether a group is in the catalogue.
func ownGroup(group string) bool {
	for _, t := range topics.Catalogue() {
		if slices.Contains(t.Groups, group) {
			return true
		}
	}
	return false
}
