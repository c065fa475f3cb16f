package topics

// Report says how a client's own report of an event is taken: under the identity
// and the key that the event would have had, had it been handed in (SEMANTICS 1
// and 20). Fields are protobuf names.
type Report struct {
	// Event is the full name of the event's message.
	Event string
	// Kind and Identity are what fg-event-id is derived from: a word, then the
	// values of these fields.
	Kind     string
	Identity []string
	// ID is the field of Identity that the caller chooses: the report's eventId.
	ID string
	// Subject is the field that names the user, who may report for himself alone.
	Subject string

	key func(field func(name string) string) []byte
}

// Key answers the record key of an event by its fields.
func (r Report) Key(field func(name string) string) []byte { return r.key(field) }

// ReportOf answers how reports for a topic are taken, and whether the topic
// takes any.
func ReportOf(topic string) (Report, bool) {
	t, known := Lookup(topic)
	if !known || !t.Reportable {
		return Report{}, false
	}
	return t.report, true
}

func voteReport() Report {
	return Report{
		Event: "floodgate.vote.v1.VoteCast", Kind: "vote", Identity: []string{"poll_id", "voter_id", "vote_id"},
		ID: "vote_id", Subject: "voter_id",
		key: func(field func(string) string) []byte { return VoteKey(field("poll_id"), VoteShard(field("voter_id"))) },
	}
}
