package command

import (
	"strings"

	"floodgate.internal/tests/bench/internal/castvote"
	"floodgate.internal/tests/bench/internal/child"
	"floodgate.internal/tests/bench/internal/consuming"
	"floodgate.internal/tests/bench/internal/deadletters"
	"floodgate.internal/tests/bench/internal/drain"
	"floodgate.internal/tests/bench/internal/echo"
	"floodgate.internal/tests/bench/internal/publishing"
	"floodgate.internal/tests/bench/internal/relaying"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/roundtrip"
	"floodgate.internal/tests/bench/internal/stack"
	"floodgate.internal/tests/bench/internal/startup"
	"floodgate.internal/tests/bench/internal/surge"
	"floodgate.internal/tests/bench/internal/votelog"
)

// contests are all there are, in the order of the table.
func contests() []rounds.Contest {
	return []rounds.Contest{
		castvote.GRPC(), castvote.REST(), castvote.Whole(), drain.Tally(), drain.Ledger(), surge.Contest(), startup.Contest(),
		consuming.Ordered(), consuming.Overhead(), publishing.Contest(), consuming.Backlog(), relaying.Contest(), roundtrip.Contest(),
		deadletters.Ingest(), deadletters.Replay(), deadletters.Failures(),
	}
}

// names lists the contests for the help.
func names() string {
	var out []string
	for _, c := range contests() {
		out = append(out, c.Name)
	}
	return strings.Join(out, ", ")
}

// bodies are what children run, by name.
func bodies() map[string]child.Body {
	return map[string]child.Body{
		echo.GRPCName:      echo.GRPC,
		echo.RESTName:      echo.REST,
		echo.ProduceName:   echo.Produce,
		stack.Name:         stack.Run,
		votelog.BrokerName: votelog.Broker,
		drain.RawName:      drain.Raw,
		drain.BareName:     drain.Bare,
		drain.ServiceName:  drain.Service,

		consuming.ReaderName:     consuming.Read,
		consuming.StuckName:      consuming.Stuck,
		publishing.PublisherName: publishing.Publish,
		relaying.RelayName:       relaying.Relay,
		roundtrip.WorkerName:     roundtrip.Worker,
		roundtrip.RequesterName:  roundtrip.Requester,

		deadletters.ServiceName: deadletters.Service,
		deadletters.BareName:    deadletters.Bare,
		deadletters.GroupName:   deadletters.Group,
	}
}
