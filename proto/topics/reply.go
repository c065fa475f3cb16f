package topics

import (
	"regexp"
	"strings"
	"time"
)

// DomainPayment is the domain whose requests are answered on payment.reply.*.
const DomainPayment = "payment"

const (
	// replyWord stands between the domain and the instance.
	replyWord = ".reply."
	// replyPartitions is the count at either scale: one instance reads all of
	// them, and three spread its replies over as many brokers.
	replyPartitions = 3
	// maxNameBytes is Kafka's bound on a topic's name.
	maxNameBytes = 249
)

// ReplyPrefix is what the names of a domain's reply topics begin with.
func ReplyPrefix(domain string) string { return domain + replyWord }

// Reply is the topic on which one instance of a domain gets its replies:
// "<domain>.reply.<instance>". It is not in the Catalogue: the instance makes
// and removes it. ReplyOf says which names are valid.
func Reply(domain, instance string) Topic {
	return Topic{
		Name: ReplyPrefix(domain) + instance, Key: "correlation id",
		PartitionsDev: replyPartitions, PartitionsProd: replyPartitions,
		// A reply is read within moments or never: SQL holds the outcome
		// (SEMANTICS 17). An hour covers a look at what went wrong.
		Retention: time.Hour, SegmentBytes: 16 << 20,
		// Leases are told by the broker's clock.
		LogAppendTime: true,
	}
}

// word is a domain or an instance. Compiled once: each request names its reply
// topic, and is asked.
var word = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// ReplyOf answers whose replies a topic carries; false for every name that is
// not a reply topic's. Domain and instance are letters, digits, dash and
// underscore, so that no other topic's name can be read as one.
func ReplyOf(name string) (domain, instance string, ok bool) {
	domain, instance, found := strings.Cut(name, replyWord)
	if !found || len(name) > maxNameBytes || !word.MatchString(domain) || !word.MatchString(instance) {
		return "", "", false
	}
	return domain, instance, true
}
