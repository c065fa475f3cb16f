package dlq

import "floodgate.internal/backbone/introspect"

// Settings are the settings in force, as an operator may see them.
func (c Config) Settings() []introspect.Setting {
	c = c.withDefaults()
	roles := make([]string, len(c.Roles))
	for i, r := range c.Roles {
		roles[i] = string(r)
	}
	return []introspect.Setting{
		introspect.Plain("Kafka.Brokers", c.Kafka.Brokers),
		introspect.Plain("Kafka.ClientID", c.Kafka.ClientID),
		introspect.Plain("Kafka.Scale", c.Kafka.Scale),
		introspect.Plain("Kafka.ReplicationFactor", c.Kafka.ReplicationFactor),
		introspect.Plain("Kafka.DialTimeout", c.Kafka.DialTimeout),
		introspect.Plain("Kafka.RequestTimeout", c.Kafka.RequestTimeout),
		introspect.URL("DatabaseURL", c.DatabaseURL),
		introspect.Plain("Roles", roles),
		introspect.Plain("Topics", c.Topics),
		introspect.Plain("Retention", c.Retention),
		introspect.Plain("SweepEvery", c.SweepEvery),
		introspect.Plain("Batch", c.Batch),
		introspect.Plain("ResumeOutOfRange", c.ResumeOutOfRange),
		introspect.Plain("CommitEvery", c.CommitEvery),
		introspect.Plain("ReplayLease", c.ReplayLease),
	}
}
