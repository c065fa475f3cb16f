package introspect

import (
	"floodgate.internal/backbone/broker"
	"floodgate.internal/backbone/lag"
)

// KafkaSettings are a service's settings of how the log is reached.
func KafkaSettings(c broker.Config) []Setting {
	return []Setting{
		Plain("Kafka.Brokers", c.Brokers),
		Default("Kafka.ClientID", c.ClientID),
		Default("Kafka.Scale", c.Scale),
		Default("Kafka.ReplicationFactor", c.ReplicationFactor),
		Default("Kafka.DialTimeout", c.DialTimeout),
		Default("Kafka.RequestTimeout", c.RequestTimeout),
	}
}

// LagSettings are a service's settings of the look at its groups.
func LagSettings(c lag.Config) []Setting {
	return []Setting{
		Default("Lag.Every", c.Every),
		Default("Lag.StaleAfter", c.StaleAfter),
		Default("Lag.RaiseAge", c.RaiseAge),
		Default("Lag.ClearAge", c.ClearAge),
		Default("Lag.RaiseRecords", c.RaiseRecords),
		Default("Lag.ClearRecords", c.ClearRecords),
		Default("Lag.Looks", c.Looks),
		Default("Lag.StuckAfter", c.StuckAfter),
		Default("Lag.AgeReads", c.AgeReads),
	}
}
