package up

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"floodgate.internal/backbone/lifecycle"
)

// addressesFile is where the addresses stand in the data directory.
const addressesFile = "addresses.json"

// Addresses are where a stack listens, host:port each.
type Addresses struct {
	HTTP  string `json:"http"`
	GRPC  string `json:"grpc"`
	Kafka string `json:"kafka"`
}

// Addresses waits until every address is known, or ctx ends.
func (s *Stack) Addresses(ctx context.Context) (Addresses, error) {
	select {
	case <-s.listening:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.addrs, nil
	case <-ctx.Done():
		return Addresses{}, ctx.Err()
	}
}

// announce writes the addresses once every listener is there.
func (s *Stack) announce() lifecycle.Component {
	return lifecycle.Component{
		Name: "addresses",
		Start: func(context.Context) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if err := s.addrs.write(s.cfg.DataDir); err != nil {
				return err
			}
			close(s.listening)
			return nil
		},
	}
}

// write puts the file in place whole: who reads it never sees half of it.
func (a Addresses) write(dir string) error {
	b, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temporary := filepath.Join(dir, addressesFile+".new")
	if err := os.WriteFile(temporary, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the addresses: %w", err)
	}
	return os.Rename(temporary, filepath.Join(dir, addressesFile))
}
