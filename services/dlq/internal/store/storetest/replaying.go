package storetest

import (
	"testing"

	"floodgate.internal/services/dlq/internal/redrive"
)

// ReplayCase is one case of the suite of replays.
type ReplayCase struct {
	Name string
	Run  func(c *replayScene)
}

// ReplayCases are the suite of redrive.Replays.
func ReplayCases() []ReplayCase {
	return []ReplayCase{
		{"A selection is frozen in the order of the log", frozen},
		{"One open claim per failure, however many ask", oneClaim},
		{"The same request is the same replay", sameRequest},
		{"Parked and foreign ones are left out", leftOut},
		{"A survey says what would happen", surveyed},
		{"Outcomes settle", settled},
		{"An outcome may be there before its record is written down", early},
		{"A report is resolved when it is published", reportSent},
		{"The loop cap parks", capped},
		{"An end gives back what is not published", ended},
		{"A cancel is for what runs", canceled},
		{"What has ended expires when nothing is awaited", replaysExpire},
		{"A lease has one owner", leased},
		{"What has no outcome is given back", lost},
		{"What a silent group passed is applied until a letter comes", inferred},
		{"Only what stands below an offset is passed", passedBelow},
		{"What was applied before is told so", already},
		{"What is due comes in portions with its records", portioned},
		{"Outcomes of one slice settle as one by one", together},
		{"Portions are written down while their outcomes settle", beside},
	}
}

// RunReplayCase runs the case of that name.
func RunReplayCase(t *testing.T, name string, failures redrive.Failures, replays redrive.Replays) {
	t.Helper()
	for _, c := range ReplayCases() {
		if c.Name == name {
			c.Run(&replayScene{scene: newScene(t, failures), r: replays})
			return
		}
	}
	t.Fatalf("no case is named %q", name)
}

// RunReplays runs the suite, cases beside each other.
func RunReplays(t *testing.T, failures redrive.Failures, replays redrive.Replays) {
	t.Helper()
	for _, c := range append(ReplayCases(), deciding()...) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(&replayScene{scene: newScene(t, failures), r: replays})
		})
	}
}
