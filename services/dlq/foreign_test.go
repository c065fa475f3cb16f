package dlq_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"floodgate.internal/backbone/record"
	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/dlq"
)

// routed has the service read a shop's dead letters and replay its failures to the
// topic that billing reads beside its orders.
func routed(s shop) func(*dlq.Config) {
	return func(c *dlq.Config) {
		c.Topics = []string{s.orders + ".DLT", s.again + ".DLT"}
		c.Routes = []string{s.orders + "/" + s.billing + "=" + s.again}
	}
}

// spring is billing, as Spring Kafka runs it, and cannot handle anything yet.
func (s shop) spring() *framework {
	return &framework{name: s.billing, reads: []string{s.orders, s.again}, letter: springLetter, bad: all}
}

// What failed in a group of Spring Kafka is read from its dead letters, goes back
// to it by a route, in the order of each key, and is resolved once the group has
// passed it and no letter of it came. What fails again is the same failure.
func TestFailuresOfSpringAreReplayed(t *testing.T) {
	t.Parallel()
	const n = 150
	in := newInstallation(t)
	w := in.writers()
	s := w.shop()
	billing := s.spring()
	billing.run(in)
	w.order(s.orders, 0, n)
	i := in.start(func(c *dlq.Config) {
		routed(s)(c)
		c.ReplayLease = time.Minute // one that passes may have a portion published twice
	})
	mine := fmt.Sprintf("group = %q", s.billing)
	in.settled(i, mine+` AND errorClass = "com.example.orders.UnknownCustomerException"`, n)
	dry := in.create(i, &dlqv1.CreateReplayRequest{Filter: mine, DryRun: true})
	if d := dry.GetDestinations(); dry.GetSelected() != n || len(d) != 1 || d[0].GetTopic() != s.again || len(d[0].GetWarnings()) != 1 || !strings.Contains(d[0].GetWarnings()[0], s.again+".DLT") {
		t.Errorf("dry run %v", dry)
	}
	billing.mend(func(order int) bool { return order%10 == 3 })
	whole := 1.0
	made := in.create(i, &dlqv1.CreateReplayRequest{Filter: mine, Canary: true, StopAtFailureRatio: &whole})
	if r := in.watch(i, made.GetReplayId()); r.GetState() != dlqv1.Replay_DONE || r.GetApplied() != n-n/10 || r.GetFailedAgain() != n/10 {
		t.Errorf("replay %v", r)
	}
	if found := in.all(i, ""); len(found) != n {
		t.Errorf("%d failures of %d: what failed again is another one", len(found), n)
	}
	in.toldByOffset(i, in.settled(i, "status = RESOLVED AND replays = 1 AND attempts = 1", n-n/10))
	in.failedAgain(i, s, in.settled(i, "status = OPEN AND replays = 1 AND attempts = 2", n/10))
	billing.mend(none)
	made = in.create(i, &dlqv1.CreateReplayRequest{Filter: "status = OPEN"})
	if r := in.watch(i, made.GetReplayId()); r.GetApplied() != n/10 {
		t.Errorf("replay %v", r)
	}
	in.settled(i, "status = RESOLVED", n)
	if orders, most, _ := billing.applied(); orders != n || most != 1 {
		t.Errorf("%d of %d orders applied, one of them at %d places", orders, n, most)
	}
	in.cleanHeaders(billing, s)
}

// toldByOffset looks at one of those that were applied.
func (in *installation) toldByOffset(i *instance, found map[string]*dlqv1.Failure) {
	in.t.Helper()
	for id := range found {
		f, err := i.GetFailure(in.t.Context(), &dlqv1.GetFailureRequest{FailureId: id})
		in.must(err)
		if got := actionsOf(f); !slices.Equal(got, []string{"REPLAYED", "APPLIED", "VIEWED"}) || !strings.HasPrefix(f.GetHistory()[1].GetDetail(), "by its offset: ") {
			in.t.Errorf("history %v", f.GetHistory())
		}
		return
	}
}

// failedAgain looks at one of those that were not: it stands where it first stood.
func (in *installation) failedAgain(i *instance, s shop, found map[string]*dlqv1.Failure) {
	in.t.Helper()
	for id := range found {
		f, err := i.GetFailure(in.t.Context(), &dlqv1.GetFailureRequest{FailureId: id})
		in.must(err)
		if got := actionsOf(f); !slices.Equal(got, []string{"REPLAYED", "FAILED", "FAILED_AGAIN", "VIEWED"}) {
			in.t.Errorf("history %v", f.GetHistory())
		}
		if f.GetTopic() != s.orders || f.GetGroup() != s.billing || !strings.HasPrefix(f.GetErrorMessage(), "Listener failed") || f.GetErrorClass() != "com.example.orders.UnknownCustomerException" {
			in.t.Errorf("failure %v", f)
		}
		return
	}
}

// cleanHeaders looks at a record as it came back: with its own headers, and without
// those that made it a dead letter.
func (in *installation) cleanHeaders(f *framework, s shop) {
	in.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.IndexFunc(f.seen, func(m *sarama.ConsumerMessage) bool { return m.Topic == s.again })
	if at < 0 {
		in.t.Fatal("nothing came by the route")
	}
	got := map[string]string{}
	for _, h := range f.seen[at].Headers {
		if _, twice := got[string(h.Key)]; twice || strings.HasPrefix(string(h.Key), "kafka_") {
			in.t.Errorf("header %s", h.Key)
		}
		got[string(h.Key)] = string(h.Value)
	}
	if got["tenant"] != "acme" || got[record.HeaderReplayID] == "" || got[record.HeaderErrorTopic] != s.orders || got[record.HeaderErrorGroup] != s.billing || got[record.HeaderErrorOffset] == "" {
		in.t.Errorf("headers %v", got)
	}
}

// The process that replays to Spring is killed between publishing and writing
// down, after that, and at both ends of what it infers and reads of letters. In
// the end every order that can be handled was, in the order of its key, and each
// of the others is one failure that failed again.
func TestKilledInTheMiddleOfAForeignReplay(t *testing.T) {
	t.Parallel()
	const n = 600
	in := newInstallation(t)
	w := in.writers()
	s := w.shop()
	billing := s.spring()
	billing.run(in)
	w.order(s.orders, 0, n)
	api := in.start(routed(s))
	in.settled(api, "", n)
	billing.mend(func(order int) bool { return order%10 == 3 })
	rate, whole := int32(500), 1.0
	made := in.create(api, &dlqv1.CreateReplayRequest{Filter: "status = OPEN", RatePerSecond: &rate, StopAtFailureRatio: &whole})
	in.must(api.stop())
	var cfg dlq.Config
	routed(s)(&cfg)
	for _, at := range []string{"publish-after 30", "before 2", "settle-after 1", "infer-before 1", "infer-after 1"} {
		crashOnce(t, in, at, crashReplayVar+"=1", crashTopicsVar+"="+strings.Join(cfg.Topics, ","), crashRoutesVar+"="+strings.Join(cfg.Routes, ","))
	}
	i := in.start(routed(s))
	if r := in.watch(i, made.GetReplayId()); r.GetState() != dlqv1.Replay_DONE || r.GetApplied() != n-n/10 || r.GetFailedAgain() != n/10 {
		t.Errorf("replay %v", r)
	}
	in.settled(i, "status = RESOLVED AND replays = 1", n-n/10)
	in.settled(i, "status = OPEN AND replays = 1", n/10)
	if found := in.all(i, ""); len(found) != n {
		t.Errorf("%d failures of %d", len(found), n)
	}
	if orders, _, inOrder := billing.applied(); orders != n-n/10 || !inOrder {
		t.Errorf("%d of %d orders applied, in order: %t", orders, n-n/10, inOrder)
	}
}

// A sink connector reads the source alone: its failures go back there, which is
// refused unless it is said that every group gets them again, and the dry run says
// so too.
func TestFailuresOfConnectAreReplayedToTheSource(t *testing.T) {
	t.Parallel()
	const n = 40
	in := newInstallation(t)
	w := in.writers()
	s := w.shop()
	sink := &framework{name: "connect-" + s.orders, reads: []string{s.orders}, letter: connectLetter(s.connect), bad: all}
	other := &framework{name: s.billing, reads: []string{s.orders}, letter: springLetter, bad: none}
	sink.run(in)
	other.run(in)
	w.order(s.orders, 0, n)
	i := in.start(func(c *dlq.Config) {
		c.ReplayLease = time.Minute
		c.Topics = []string{s.connect, s.orders + ".DLT"}
		c.Routes = []string{s.orders + "/" + sink.name + "=" + s.orders + ":every-group:letters=" + s.connect}
	})
	mine := fmt.Sprintf("group = %q", sink.name)
	in.settled(i, mine, n)
	in.eventually("the other group has them all", func() bool { orders, _, _ := other.applied(); return orders == n })
	dry := in.create(i, &dlqv1.CreateReplayRequest{Filter: mine, DryRun: true})
	if d := dry.GetDestinations(); len(d) != 1 || d[0].GetTopic() != s.orders || len(d[0].GetWarnings()) != 2 || !strings.Contains(d[0].GetWarnings()[0], "every group") {
		t.Errorf("dry run %v", dry)
	}
	sink.mend(func(order int) bool { return order == 7 })
	other.mend(func(order int) bool { return order == 8 })
	made := in.create(i, &dlqv1.CreateReplayRequest{Filter: mine})
	if r := in.watch(i, made.GetReplayId()); r.GetState() != dlqv1.Replay_DONE || r.GetApplied() != n-1 || r.GetFailedAgain() != 1 {
		t.Errorf("replay %v", r)
	}
	in.settled(i, mine+" AND status = RESOLVED", n-1)
	in.settled(i, mine+" AND status = OPEN AND attempts = 2", 1)
	// The other group failed at one that it had handled before: a failure of its own.
	in.settled(i, fmt.Sprintf("group = %q AND topic = %q AND replays = 0", s.billing, s.orders), 1)
	if orders, most, _ := sink.applied(); orders != n-1 || most != 1 {
		t.Errorf("%d orders applied, one of them at %d places", orders, most)
	}
}

// A record that its framework moves on to topics of its own has been passed before
// anybody knows how it ends. Where the route waits too little it is taken for
// applied, and its letter opens it again and makes the outcome what it is.
func TestALateLetterRefutesWhatWasInferred(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.writers()
	s := w.shop()
	billing := s.spring()
	billing.run(in)
	w.order(s.orders, 0, 3)
	i := in.start(routed(s))
	in.settled(i, "status = OPEN", 3)
	billing.mend(func(order int) bool { return order == 1 })
	billing.hold(true)
	made := in.create(i, &dlqv1.CreateReplayRequest{Filter: "status = OPEN"})
	if r := in.watch(i, made.GetReplayId()); r.GetApplied() != 3 {
		t.Errorf("replay %v", r)
	}
	in.settled(i, "status = RESOLVED", 3)
	billing.hold(false)
	in.settled(i, "status = OPEN AND attempts = 2", 1)
	in.eventually("the replay counts it as failed", func() bool {
		r, err := i.GetReplay(t.Context(), &dlqv1.GetReplayRequest{ReplayId: made.GetReplayId()})
		in.must(err)
		return r.GetApplied() == 2 && r.GetFailedAgain() == 1
	})
}

// Every fault of a route is named, beside those of the others.
func TestRoutesAreRefused(t *testing.T) {
	t.Parallel()
	cfg := func(routes ...string) dlq.Config {
		return dlq.Config{Topics: []string{"orders.DLT", "again-dlt", "letters"}, Routes: routes}
	}
	for route, want := range map[string]string{
		"orders":                                   "must be TOPIC/GROUP=TO",
		"orders=again":                             "must be TOPIC/GROUP=TO",
		"/billing=again":                           "must be TOPIC/GROUP=TO",
		"orders/=again":                            "must be TOPIC/GROUP=TO",
		"orders/billing=":                          "must be TOPIC/GROUP=TO",
		"orders/billing=again:fast":                `option "fast"`,
		"orders/billing=again:":                    "",
		"orders/billing=again:letters=":            `option "letters="`,
		"orders/billing=again:wait=soon":           `wait "soon"`,
		"orders/billing=again:wait=-1s":            `wait "-1s"`,
		"orders/billing=again:wait=10m":            "",
		"orders/billing=again":                     "",
		"orders/billing=elsewhere":                 "none of Topics is elsewhere.DLT or elsewhere-dlt",
		"orders/billing=again:letters=unread":      "unread, which is not read",
		"orders/billing=elsewhere:letters=letters": "",
		"vote.cast/vote-tally=again":               "vote-tally is a group of Floodgate's own",
		"vote.cast/analytics=again":                "",
		"vote.cast/analytics=vote.cast:every-group:letters=letters": "vote.cast is Floodgate's own",
		"orders/billing=letters:letters=letters":                    "letters is a dead-letter topic that is read here",
		"orders.DLT/billing=again":                                  "orders.DLT is a dead-letter topic: name the one",
		"orders/billing=orders":                                     "write :every-group behind it",
		"orders/billing=orders:every-group":                         "",
		"orders/billing=again:every-group":                          "every-group is for a route to orders itself",
	} {
		err := cfg(route).Validate()
		if named := err != nil && strings.Contains(err.Error(), fmt.Sprintf("Routes has %q: ", route)); named != (want != "") || want != "" && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", route, err, want)
		}
	}
	err := cfg("orders/billing=again", "orders/billing=again", "orders/shipping=again", "x", "orders/a=orders:every-group", "orders/b=orders:every-group").Validate()
	for _, want := range []string{"has a route to again already", "a group's topic must be its own", `Routes has "x": it must be`, "kafka brokers", "DatabaseURL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %q", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "orders/b=") {
		t.Errorf("two groups of one source may both have their records back: %v", err)
	}
}

// A route to a topic that is not there is refused at start, beside a dead-letter
// topic that is not.
func TestARouteToNowhereIsRefused(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	cfg := in.config()
	cfg.Topics = []string{"nowhere.DLT"}
	cfg.Routes = []string{"orders/billing=nowhere", topics.VoteCast + "/analytics=no.such:letters=nowhere.DLT"}
	srv, err := rpc.NewServer(rpc.ServerConfig{})
	in.must(err)
	service, err := dlq.New(cfg, dlq.Deps{Log: discard()}, srv)
	in.must(err)
	err = service.Run(t.Context(), func() {})
	for _, want := range []string{"nowhere.DLT", "billing's failures on orders: topic nowhere", "analytics's failures on vote.cast: topic no.such"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %q", err, want)
		}
	}
}
