// Package broker is the way to Kafka: one configuration for every client, a
// start that waits for a broker that is away and names an advertised address
// that cannot be reached, the topics of the catalogue, and the log's offsets.
//
// A service calls Open, then EnsureTopics, logs what ConfigDrift answers, and
// hands the client to the publisher or the consume runtime. Offsets, TopicIDs
// and ReadRange serve what reads the log beside a group: recounts, rebuilds and
// lag.
package broker

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"time"
)

// Scale chooses a topic's partition count and the default replication.
type Scale string

// The scales. A topic's partition count is fixed at its creation, so a cluster
// is one or the other for ever.
const (
	// ScaleDev is a machine of one's own: few partitions, one replica.
	ScaleDev Scale = "dev"
	// ScaleProd is a cluster: the catalogue's full counts, three replicas.
	ScaleProd Scale = "prod"
)

// Config says how to reach the cluster. Only Brokers has no default.
type Config struct {
	// Brokers are the bootstrap addresses, host:port; one that answers is
	// enough.
	Brokers []string
	// ClientID names this process in the broker's logs and quotas; "floodgate"
	// where empty. Letters, digits, dot, dash and underscore.
	ClientID string
	// Scale is dev where empty.
	Scale Scale
	// ReplicationFactor of topics that EnsureTopics creates; where 0, 1 in dev
	// and 3 in prod.
	ReplicationFactor int16
	// DialTimeout bounds one attempt to connect; 3 s where 0.
	DialTimeout time.Duration
	// RequestTimeout bounds the wait for one answer; 30 s where 0. It exceeds
	// the time a broker may hold a group's join (20 s here).
	RequestTimeout time.Duration
}

// Validate answers every fault of the configuration at once, or nil. Zero
// values that have a default are not faults.
func (c Config) Validate() error {
	return errors.Join(c.brokerFaults(), c.nameFaults(), c.numberFaults())
}

// brokerFaults finds what a dial would only report one address at a time, and
// only after a time-out.
func (c Config) brokerFaults() error {
	if len(c.Brokers) == 0 {
		return errors.New("kafka brokers: none given, want host:port")
	}
	var faults []error
	for _, address := range c.Brokers {
		host, port, err := net.SplitHostPort(address)
		if err != nil || host == "" {
			faults = append(faults, fmt.Errorf("kafka broker %q: not host:port", address))
			continue
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			faults = append(faults, fmt.Errorf("kafka broker %q: port is not a number from 1 to 65535", address))
		}
	}
	return errors.Join(faults...)
}

// nameFaults finds names that Kafka or the catalogue does not know.
func (c Config) nameFaults() error {
	var faults []error
	// The characters that Kafka takes in a metric's name, which a client id
	// becomes a part of.
	if c.ClientID != "" && !regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(c.ClientID) {
		faults = append(faults, fmt.Errorf("kafka client id %q: only letters, digits, dot, dash and underscore", c.ClientID))
	}
	if c.Scale != "" && c.Scale != ScaleDev && c.Scale != ScaleProd {
		faults = append(faults, fmt.Errorf("kafka scale %q: want %s or %s", c.Scale, ScaleDev, ScaleProd))
	}
	return errors.Join(faults...)
}

// numberFaults finds numbers below zero; zero stands for a default.
func (c Config) numberFaults() error {
	var faults []error
	if c.ReplicationFactor < 0 {
		faults = append(faults, fmt.Errorf("kafka replication factor %d: below 0", c.ReplicationFactor))
	}
	if c.DialTimeout < 0 {
		faults = append(faults, fmt.Errorf("kafka dial timeout %s: below 0", c.DialTimeout))
	}
	if c.RequestTimeout < 0 {
		faults = append(faults, fmt.Errorf("kafka request timeout %s: below 0", c.RequestTimeout))
	}
	return errors.Join(faults...)
}

// withDefaults fills in what was left zero. Every entry point of the package
// applies it, so that a caller may pass the same Config to each.
func (c Config) withDefaults() Config {
	if c.ClientID == "" {
		c.ClientID = "floodgate"
	}
	if c.Scale == "" {
		c.Scale = ScaleDev
	}
	if c.ReplicationFactor == 0 {
		// One broker cannot hold two replicas; three survive the loss of one
		// while another is being restarted.
		c.ReplicationFactor = 1
		if c.Scale == ScaleProd {
			c.ReplicationFactor = 3
		}
	}
	if c.DialTimeout == 0 {
		c.DialTimeout = 3 * time.Second
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = 30 * time.Second
	}
	return c
}
