package vote_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/introspect/introspecttest"
	opsv1 "floodgate.internal/proto/floodgate/ops/v1"
	"floodgate.internal/proto/topics"
	"floodgate.internal/services/vote"
)

// inspect asks an instance for its vote service.
func (in *installation) inspect(i *instance, req *opsv1.InspectRequest) *opsv1.ServiceState {
	in.t.Helper()
	res, err := i.ops.Inspect(in.t.Context(), req)
	in.must(err)
	for _, s := range res.GetServices() {
		if s.GetService() == "vote" {
			return s
		}
	}
	in.t.Fatalf("no vote service in %v", res)
	return nil
}

// A handler that hangs is told with its record, key, step and growing age, while
// the group beside it is idle.
func TestAHangingHandlerIsTold(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	in.faults = func(effect, when string) {
		if effect == "ledger.tx" && when == "before" {
			once.Do(func() {
				close(entered)
				<-release
			})
		}
	}
	free := sync.OnceFunc(func() { close(release) })
	i := in.start(nil)
	t.Cleanup(free) // before the instance's own
	in.poll(i, "final", nil)
	in.cast(i, "final", "voter-1", "v1", "a")
	<-entered

	var first *opsv1.InFlightRecord
	in.eventually("the handler of vote-ledger is in flight", func() bool {
		for _, f := range in.inspect(i, &opsv1.InspectRequest{}).GetInFlight() {
			if f.GetGroup() == topics.GroupVoteLedger {
				first = f
			}
		}
		return first != nil
	})
	if first.GetTopic() != topics.VoteCast || first.GetOffset() != 0 || first.GetRecords() != 1 ||
		!strings.HasPrefix(first.GetKey(), "final/") || first.GetStep() == "" || first.GetAge().AsDuration() <= 0 {
		t.Errorf("in flight: %v", first)
	}
	s := in.inspect(i, &opsv1.InspectRequest{MaxInFlight: proto.Int32(1)})
	if s.GetInFlight()[0].GetAge().AsDuration() <= first.GetAge().AsDuration() {
		t.Errorf("the age does not grow: %v, then %v", first, s.GetInFlight()[0])
	}
	checkClaims(t, s, first)
	if len(s.GetUnanswered()) != 0 || len(s.GetPublishers()) != 1 {
		t.Errorf("%v", s)
	}
	if len(s.GetSpools()) == 0 || len(s.GetBreakers()) == 0 || s.GetBreakers()[0].GetState() != opsv1.BreakerState_CLOSED {
		t.Errorf("spools %v, breakers %v", s.GetSpools(), s.GetBreakers())
	}
	in.checkLag(i, first)

	free()
	in.settled(i, "final", 1)
	in.eventually("nothing is in flight", func() bool {
		return in.inspect(i, &opsv1.InspectRequest{}).GetInFlightTotal() == 0
	})
}

// checkClaims holds the claims against the one record in flight.
func checkClaims(t *testing.T, s *opsv1.ServiceState, hanging *opsv1.InFlightRecord) {
	t.Helper()
	groups := map[string]int64{}
	for _, c := range s.GetClaims() {
		groups[c.GetGroup()] += c.GetInFlight()
		if c.GetGroup() == topics.GroupVoteLedger && c.GetInFlight() > 0 &&
			(c.GetPartition() != hanging.GetPartition() || c.GetOldest().GetKey() != hanging.GetKey() || c.GetState() != opsv1.ClaimState_RUNNING) {
			t.Errorf("claim: %v", c)
		}
	}
	if _, claimed := groups[topics.GroupVoteTally]; !claimed || groups[topics.GroupVoteLedger] != 1 {
		t.Errorf("in flight by group: %v", groups)
	}
}

// checkLag waits until the group of the record in flight is told to be one
// record behind, with the step.
func (in *installation) checkLag(i *instance, hanging *opsv1.InFlightRecord) {
	in.t.Helper()
	var behind *opsv1.PartitionLag
	in.eventually("vote-ledger is a record behind", func() bool {
		for _, l := range in.inspect(i, &opsv1.InspectRequest{}).GetLag() {
			if l.GetGroup() == topics.GroupVoteLedger && l.GetRecords() > 0 {
				behind = l
			}
		}
		return behind != nil
	})
	if behind.GetTopic() != topics.VoteCast || behind.GetPartition() != hanging.GetPartition() || behind.GetRecords() != 1 ||
		behind.GetCommitted() != 0 || behind.GetEnd() != 1 || !behind.GetOwned() || behind.GetState() != opsv1.ClaimState_RUNNING || behind.GetStep() == "" {
		in.t.Errorf("lag: %v", behind)
	}
}

// An instance that waits for what it needs tells its settings already, and no
// secret, whichever way it was handed in.
func TestSettingsAreToldWithoutSecrets(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	const password = "hunter2"
	file := filepath.Join(t.TempDir(), "redis")
	in.must(os.WriteFile(file, []byte(password), 0o600))
	i := in.begin(func(c *vote.Config) {
		// Nobody answers there.
		c.DatabaseURL = "postgres://floodgate:" + password + "@127.0.0.1:1/floodgate?sslpassword=" + password
		c.RedisAddrs, c.RedisPasswordFile = []string{"127.0.0.1:1"}, file
	})
	res, err := i.ops.Inspect(t.Context(), &opsv1.InspectRequest{})
	in.must(err)
	if text := res.String(); strings.Contains(text, password) {
		t.Errorf("the password is told: %s", text)
	}
	told := map[string]*opsv1.Setting{}
	for _, s := range in.inspect(i, &opsv1.InspectRequest{Sections: []opsv1.InspectRequest_Section{opsv1.InspectRequest_SETTINGS}}).GetSettings() {
		told[s.GetName()] = s
	}
	if db := told["DatabaseURL"]; db.GetValue() != "postgres://floodgate@127.0.0.1:1/floodgate" || !db.GetRedacted() {
		t.Errorf("the database: %v", db)
	}
	if told["RedisPasswordFile"].GetValue() != file || told["TallyBatch"].GetValue() != "4000" || told["CommitEvery"].GetValue() != "50ms" {
		t.Errorf("settings: %v", told)
	}
	if res.GetProcess().GetGoVersion() == "" {
		t.Errorf("process: %v", res.GetProcess())
	}
}

// No setting is forgotten in what operators are told.
func TestEverySettingIsTold(t *testing.T) {
	t.Parallel()
	introspecttest.EverySetting(t, vote.Config{}.Settings(), vote.Config{}, "Lag.Service", "Lag.Groups", "Spool.Topics")
}
