package transcode

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"

	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

// withoutAbsent takes out the lists whose emptiness means that there is no
// answer: printing defaults would show "log": [] for a log that retention has
// cut, as if it held no vote.
func withoutAbsent(m proto.Message, body []byte) ([]byte, error) {
	recount, ok := m.(*votev1.RecountResponse)
	if !ok || len(recount.GetLog()) > 0 {
		return body, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("transcode: reading own answer: %w", err)
	}
	delete(members, "log")
	return json.Marshal(members)
}
