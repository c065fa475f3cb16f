// Package servers names what the benchmarks run on: the embedded parts, or the
// real servers of the environment.
package servers

import (
	"os"
	"strings"
)

// Servers replace embedded parts, each for itself. The zero value replaces none.
type Servers struct {
	// Kafka are bootstrap addresses, Redis the servers of the live view.
	Kafka, Redis []string
	// DatabaseURL names a PostgreSQL database.
	DatabaseURL string
}

// FromEnvironment reads the variables by which every command of the project
// replaces embedded parts.
func FromEnvironment() Servers {
	return Servers{
		Kafka:       list(os.Getenv("FLOODGATE_KAFKA_BROKERS")),
		Redis:       list(os.Getenv("FLOODGATE_REDIS_ADDRS")),
		DatabaseURL: os.Getenv("FLOODGATE_DATABASE_URL"),
	}
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// None says that every part is embedded.
func (s Servers) None() bool {
	return len(s.Kafka) == 0 && len(s.Redis) == 0 && s.DatabaseURL == ""
}

// String says which parts are real, for the table.
func (s Servers) String() string {
	var named []string
	if len(s.Kafka) > 0 {
		named = append(named, "Kafka")
	}
	if len(s.Redis) > 0 {
		named = append(named, "Redis")
	}
	if s.DatabaseURL != "" {
		named = append(named, "PostgreSQL")
	}
	switch len(named) {
	case 0:
		return "embedded"
	case 3:
		return "real"
	}
	return strings.Join(named, "+")
}

// Environment is this process's environment with these servers in it, for a
// command that reads them from there.
func (s Servers) Environment() []string {
	return append(os.Environ(),
		"FLOODGATE_KAFKA_BROKERS="+strings.Join(s.Kafka, ","),
		"FLOODGATE_REDIS_ADDRS="+strings.Join(s.Redis, ","),
		"FLOODGATE_DATABASE_URL="+s.DatabaseURL)
}
