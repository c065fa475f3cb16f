package server

// The RPCs that bring failures back (ReplayFailure, EditAndReplay, CreateReplay,
// GetReplay, WatchReplay, CancelReplay) are not built yet: they answer
// UNIMPLEMENTED through the server's embedded UnimplementedDlqServiceServer.
// Their tables and the steps of the status machine are there.
