package architecture_test

import (
	"strings"
	"testing"

	"floodgate.internal/tests/architecture"
)

// Each edge with the reason it is refused; "" where it is allowed.
func TestEdges(t *testing.T) {
	t.Parallel()
	const vote = "floodgate.internal/services/vote"
	for _, tt := range []struct{ from, to, want string }{
		{vote + "/internal/casting", "floodgate.internal/backbone/rpc", "services/vote/internal/casting imports backbone/rpc: effects may import only rules"},
		{vote + "/internal/casting", "floodgate.internal/proto/topics", "effects may import only rules"},
		{vote + "/internal/casting", vote + "/internal/ballot", ""},
		{vote + "/internal/casting", "golang.org/x/time/rate", ""},
		{vote + "/internal/casting", "github.com/IBM/sarama", "effects may import no such third party"},
		{vote + "/internal/casting", "context", ""},
		{vote + "/internal/ballot", "context", "rules are pure"},
		{vote + "/internal/ballot", "net/netip", "rules are pure"},
		{vote + "/internal/ballot", "os", "rules are pure"},
		{vote + "/internal/ballot", "log/slog", "rules are pure"},
		{vote + "/internal/ballot", "time", ""},
		{vote + "/internal/ballot", "github.com/google/uuid", "rules may import no such third party"},
		{vote + "/internal/ballot", vote + "/internal/casting", "rules may import only itself"},
		{vote + "/internal/ballot", "floodgate.internal/proto/floodgate/vote/v1", "rules may import only itself"},
		{vote + "/internal/server", vote + "/internal/store", "server may import only effects, rules, backbone, proto"},
		{vote + "/internal/store", vote + "/internal/stream", "store may import only"},
		{vote + "/internal/stream", vote + "/internal/server", "stream may import only"},
		{vote + "/internal/stream", "floodgate.internal/backbone/consume", ""},
		{vote + "/internal/store", vote + "/internal/store/storetest", "store may import only"},
		{vote + "/internal/store/storetest", vote + "/internal/store", ""},
		{vote + "/internal/server", "github.com/IBM/sarama", "server may import no such third party"},
		{vote, vote + "/internal/store", ""},
		{vote, "floodgate.internal/services/queue", "a service may import no other"},
		{vote, "floodgate.internal/services/gateway", "a service may import no other"},
		{vote, "floodgate.internal/backbone/embedded", "a service's root may import only"},
		{vote + "/cmd/vote", "floodgate.internal/backbone/embedded", ""},
		{vote + "/cmd/vote", vote + "/internal/store", "a service's main may import only"},
		{"floodgate.internal/services/gateway", vote, "a service may import no other"},
		{"floodgate.internal/services/gateway/internal/edge", "floodgate.internal/backbone/rpc", ""},
		{"floodgate.internal/services/gateway", "github.com/jackc/pgx/v5", "the gateway may import no such third party"},
		{"floodgate.internal/backbone/publish", "floodgate.internal/backbone/embedded", "backbone may import only proto"},
		{"floodgate.internal/backbone/publish", "floodgate.internal/backbone/embedded/embeddedtest", "backbone may import only proto"},
		{"floodgate.internal/backbone/publish", vote, "backbone may import only proto"},
		{"floodgate.internal/backbone/publish", "github.com/twmb/franz-go/pkg/kgo", "backbone may import no such third party"},
		{"floodgate.internal/backbone/publish", "github.com/IBM/sarama-elsewhere", "backbone may import no such third party"},
		{"floodgate.internal/proto/topics", "floodgate.internal/backbone/record", "proto may import only itself"},
		{"floodgate.internal/cmd/floodgate", "floodgate.internal/tests/bench", "cmd/floodgate may import only"},
		{"floodgate.internal/cmd/floodgate", vote, ""},
		{"floodgate.internal/tests/bench", vote, ""},
		{vote, "floodgate.internal/lib", "it stands where no layer is planned"},
		{vote + "/internal/tricks", "fmt", "stands where no layer is planned"},
		{"floodgate.internal/services/petitions/internal/ballot", "fmt", "stands where no layer is planned"},
	} {
		t.Run(tt.from+" "+tt.to, func(t *testing.T) {
			t.Parallel()
			faults := architecture.ImportFaults([]architecture.Package{{ImportPath: tt.from, Imports: []string{tt.to}}})
			got := strings.Join(faults, "\n")
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("answered %q, want %q", got, tt.want)
			}
		})
	}
}

func TestVagueNames(t *testing.T) {
	t.Parallel()
	faults := architecture.NameFaults([]architecture.Package{
		{ImportPath: "floodgate.internal/backbone/util", Name: "util"},
		{ImportPath: "floodgate.internal/proto/floodgate/common/v1", Name: "commonv1"},
	})
	if len(faults) != 1 || faults[0] != "backbone/util is named util: say what it does" {
		t.Errorf("answered %q", faults)
	}
}
