package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"floodgate.internal/backbone/rpc"
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
)

// dlqCmd shows failures and carries out what is decided about them.
type dlqCmd struct {
	Ls      dlqLsCmd      `cmd:"" help:"List failures, those that failed last first."`
	Show    dlqShowCmd    `cmd:"" help:"Show a failure with its payload and history. That it was seen is written down."`
	Groups  dlqGroupsCmd  `cmd:"" help:"List the kinds of failures, the largest first, and what is at fault."`
	Watch   dlqWatchCmd   `cmd:"" help:"Print failures as they come, until interrupted."`
	Replay  dlqReplayCmd  `cmd:"" help:"Bring failures back to where they failed, and wait for what becomes of them."`
	Follow  dlqFollowCmd  `cmd:"" help:"Show a replay until its end."`
	Cancel  dlqCancelCmd  `cmd:"" help:"End a replay; what it has published goes on to its outcome."`
	Edit    dlqEditCmd    `cmd:"" help:"Put an edited event in the place of one that failed in every group."`
	Discard dlqDiscardCmd `cmd:"" help:"Decide that failures need not be applied."`
	Restore dlqRestoreCmd `cmd:"" help:"Open discarded or parked failures again."`
	Note    dlqNoteCmd    `cmd:"" help:"Add a note to a failure's history."`
	Audit   dlqAuditCmd   `cmd:"" help:"List what people did about failures, the newest first."`
}

// dlqTarget is where the DLQ service is, and how its answers are printed.
type dlqTarget struct {
	DLQAddr string `name:"dlq-addr" env:"FLOODGATE_DLQ_ADDR" default:"127.0.0.1:9090" help:"gRPC address of the DLQ service."`
	Output  string `short:"o" enum:"text,json" default:"text" help:"text, or json for programs."`
}

// with calls do with a client, and closes its connection.
func (t dlqTarget) with(do func(dlqv1.DlqServiceClient) error) error {
	conn, err := rpc.Dial(t.DLQAddr, rpc.DialConfig{})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return do(dlqv1.NewDlqServiceClient(conn))
}

// print writes a message as JSON, or else as text does.
func (t dlqTarget) print(out io.Writer, m proto.Message, text func(io.Writer) error) error {
	if t.Output != "json" {
		return text(out)
	}
	b, err := asJSON(m)
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, b, "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, indented.String())
	return err
}

// asJSON is the API's form of a message, on one line without spaces: what
// protojson writes changes its spaces from build to build.
func asJSON(m proto.Message) ([]byte, error) {
	b, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, b); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}
