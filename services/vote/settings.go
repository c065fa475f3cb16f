package vote

import "floodgate.internal/backbone/introspect"

// Settings are the settings in force, as an operator may see them.
func (c Config) Settings() []introspect.Setting {
	c = c.withDefaults()
	all := append(introspect.KafkaSettings(c.Kafka),
		introspect.URL("DatabaseURL", c.DatabaseURL),
		introspect.Plain("RedisAddrs", c.RedisAddrs),
		introspect.Plain("RedisPasswordFile", c.RedisPasswordFile),
		introspect.Words("Roles", c.Roles),
		introspect.Plain("ViewTTL", c.ViewTTL),
		introspect.Plain("TallyBatch", c.TallyBatch),
		introspect.Plain("LedgerBatch", c.LedgerBatch),
		introspect.Plain("ResumeOutOfRange", c.ResumeOutOfRange),
		introspect.Plain("CommitEvery", c.CommitEvery),
	)
	all = append(all, introspect.LagSettings(c.Lag)...)
	return append(all,
		introspect.Default("Spool.Patience", c.Spool.Patience),
		introspect.Default("Spool.Failures", c.Spool.Failures),
		introspect.Default("Spool.ProbeEvery", c.Spool.ProbeEvery),
		introspect.Default("Spool.AppendTimeout", c.Spool.AppendTimeout),
		introspect.Plain("Spool.MaxRows", c.Spool.MaxRows),
		introspect.Plain("Spool.MaxBytes", c.Spool.MaxBytes),
		introspect.Default("Spool.MaxWaiting", c.Spool.MaxWaiting),
		introspect.Default("Spool.Rate", c.Spool.Rate),
		introspect.Default("Spool.Lease", c.Spool.Lease),
		introspect.Default("Spool.Poll", c.Spool.Poll),
		introspect.Default("Spool.Instance", c.Spool.Instance),
	)
}
