package dlq

import "floodgate.internal/backbone/introspect"

// Settings are the settings in force, as an operator may see them.
func (c Config) Settings() []introspect.Setting {
	c = c.withDefaults()
	all := append(introspect.KafkaSettings(c.Kafka),
		introspect.URL("DatabaseURL", c.DatabaseURL),
		introspect.Words("Roles", c.Roles),
		introspect.Plain("Topics", c.Topics),
		introspect.Plain("Routes", c.Routes),
		introspect.Plain("Retention", c.Retention),
		introspect.Plain("AuditRetention", c.AuditRetention),
		introspect.Plain("SweepEvery", c.SweepEvery),
		introspect.Plain("Batch", c.Batch),
		introspect.Plain("Edit", c.Edit),
		introspect.Plain("ResumeOutOfRange", c.ResumeOutOfRange),
		introspect.Plain("CommitEvery", c.CommitEvery),
		introspect.Plain("ReplayLease", c.ReplayLease),
	)
	return append(all, introspect.LagSettings(c.Lag)...)
}
