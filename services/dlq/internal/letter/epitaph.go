package letter

import (
	"fmt"
	"time"
)

// Epitaph says in a line what a failure was, for those who audit what people did
// about it when it is there no more.
func Epitaph(f Failure) string {
	who := "group " + f.Group
	if f.Group == "" {
		who = "a client's own report"
	}
	place := f.Topic
	if f.Partition != NoPlace {
		place = fmt.Sprintf("%s/%d@%d", f.Topic, f.Partition, f.Offset)
	}
	return fmt.Sprintf("%s since %s: %s, event %q of %s, %s, key %q, failed %d times from %s to %s: %s %s: %s",
		f.Status, clock(f.ClosedAt), f.Service, f.EventID, place, who, f.Key, f.Attempts, clock(f.FirstFailedAt), clock(f.LastFailedAt),
		f.Class, f.Reason, f.Message)
}

// clock writes Unix microseconds in UTC.
func clock(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339) }
