// Package server answers the DLQ service's RPCs: it converts, calls redrive and
// maps errors. Requests arrive validated by the rules in their .proto.
package server

import (
	dlqv1 "floodgate.internal/proto/floodgate/dlq/v1"
	// The events that payloads are decoded by are found by their names.
	_ "floodgate.internal/proto/floodgate/vote/v1"
	"floodgate.internal/services/dlq/internal/redrive"
)

// Server implements dlqv1.DlqServiceServer. Safe for concurrent use.
type Server struct {
	dlqv1.UnimplementedDlqServiceServer

	// desk, orders and editor are set by Open, before the first call; editor is
	// nil where edits are off.
	desk   *redrive.Desk
	orders *redrive.Orders
	editor *redrive.Editor

	rules rules
}

// rules holds a message against the rules of its schema; rpc.Validator is one.
type rules interface {
	Check(message any) error
}

// New answers a server without effects: no RPC may reach it before Open, which
// rpc.Server sees to by the service's health.
func New(rules rules) *Server { return &Server{rules: rules} }

// Open gives the server its effects; without an editor no event is edited.
func (s *Server) Open(desk *redrive.Desk, orders *redrive.Orders, editor *redrive.Editor) {
	s.desk, s.orders, s.editor = desk, orders, editor
}

// operator is who is written down for what an operator does. Nobody is asked who
// he is yet, so nobody can be told from another.
const operator = "operator"
