package embedded

const (
	// filesPerPartition: the active segment and its index stay open, and each
	// sealed segment that was read keeps a descriptor until retention takes it;
	// two of those cover a rebuild that reads a log from its start. 1 M records
	// over 300 partitions held 609.
	filesPerPartition = 4
	// otherFiles leaves room for connections, SQLite and the process itself.
	otherFiles = 256
)

// filesNeeded is the number of descriptors a broker of that many partitions
// has to be able to open; 0 for 0, which stands for "unknown".
func filesNeeded(partitions int) uint64 {
	if partitions <= 0 {
		return 0
	}
	return uint64(partitions)*filesPerPartition + otherFiles
}
