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
		introspect.Plain("Kafka.ClientID", c.Kafka.ClientID),
		introspect.Plain("Kafka.Scale", c.Kafka.Scale),
		introspect.Plain("Kafka.ReplicationFactor", c.Kafka.ReplicationFactor),
		introspect.Plain("Kafka.DialTimeout", c.Kafka.DialTimeout),
		introspect.Plain("Kafka.RequestTimeout", c.Kafka.RequestTimeout),
		introspect.URL("DatabaseURL", c.DatabaseURL),
		introspect.Plain("RedisAddrs", c.RedisAddrs),
		introspect.Plain("RedisPasswordFile", c.RedisPasswordFile),
		introspect.Plain("Roles", roles),
		introspect.Plain("ViewTTL", c.ViewTTL),
		introspect.Plain("TallyBatch", c.TallyBatch),
		introspect.Plain("LedgerBatch", c.LedgerBatch),
		introspect.Plain("ResumeOutOfRange", c.ResumeOutOfRange),
		introspect.Plain("CommitEvery", c.CommitEvery),
		introspect.Plain("Spool.Patience", c.Spool.Patience),
		introspect.Plain("Spool.Failures", c.Spool.Failures),
		introspect.Plain("Spool.ProbeEvery", c.Spool.ProbeEvery),
		introspect.Plain("Spool.AppendTimeout", c.Spool.AppendTimeout),
		introspect.Plain("Spool.MaxRows", c.Spool.MaxRows),
		introspect.Plain("Spool.MaxBytes", c.Spool.MaxBytes),
		introspect.Plain("Spool.MaxWaiting", c.Spool.MaxWaiting),
		introspect.Plain("Spool.Rate", c.Spool.Rate),
		introspect.Plain("Spool.Lease", c.Spool.Lease),
		introspect.Plain("Spool.Poll", c.Spool.Poll),
	}
}
