package vote

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
		introspect.Default("Kafka.ClientID", c.Kafka.ClientID),
		introspect.Default("Kafka.Scale", c.Kafka.Scale),
		introspect.Default("Kafka.ReplicationFactor", c.Kafka.ReplicationFactor),
		introspect.Default("Kafka.DialTimeout", c.Kafka.DialTimeout),
		introspect.Default("Kafka.RequestTimeout", c.Kafka.RequestTimeout),
		introspect.URL("DatabaseURL", c.DatabaseURL),
		introspect.Plain("RedisAddrs", c.RedisAddrs),
		introspect.Plain("RedisPasswordFile", c.RedisPasswordFile),
		introspect.Plain("Roles", roles),
		introspect.Plain("ViewTTL", c.ViewTTL),
		introspect.Plain("TallyBatch", c.TallyBatch),
		introspect.Plain("LedgerBatch", c.LedgerBatch),
		introspect.Plain("ResumeOutOfRange", c.ResumeOutOfRange),
		introspect.Plain("CommitEvery", c.CommitEvery),
		introspect.Default("Lag.Every", c.Lag.Every),
		introspect.Default("Lag.StaleAfter", c.Lag.StaleAfter),
		introspect.Default("Lag.RaiseAge", c.Lag.RaiseAge),
		introspect.Default("Lag.ClearAge", c.Lag.ClearAge),
		introspect.Default("Lag.RaiseRecords", c.Lag.RaiseRecords),
		introspect.Default("Lag.ClearRecords", c.Lag.ClearRecords),
		introspect.Default("Lag.Looks", c.Lag.Looks),
		introspect.Default("Lag.StuckAfter", c.Lag.StuckAfter),
		introspect.Default("Lag.AgeReads", c.Lag.AgeReads),
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
	}
}
