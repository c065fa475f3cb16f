package dlq

import (
	"context"
	"regexp"

	"github.com/prometheus/client_golang/prometheus"

	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
)

// MetricNames are the names of what the service measures.
func MetricNames() []string {
	described := make(chan *prometheus.Desc, 100)
	newMeters().Describe(described)
	close(described)
	var names []string
	for d := range described {
		if found := regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String()); found != nil {
			names = append(names, found[1])
		}
	}
	return names
}

// Faults are hooks around every write to the store. Each is told before and
// after it, and may answer an error to be met in its place.
type Faults func(when string, letters int) error

// Inject has the service tell faults of its writes; call it before Run.
func (s *Service) Inject(faults Faults) {
	s.wrap = func(p *parts) { p.failures = faultyFailures{p.failures, faults} }
}

// InjectReplays has the service tell faults around the writing down of a portion
// of a replay, and around each record on its way ("publish before", "publish
// after").
func (s *Service) InjectReplays(faults Faults) {
	s.wrap = func(p *parts) {
		p.replays, p.kafka = faultyReplays{p.replays, faults}, faultyKafka{p.kafka, faults}
	}
}

// InjectKinds has the service tell kinds of failures apart as version 3 does,
// which has one for each class, and tell faults around each transaction that
// gives failures new ones.
func (s *Service) InjectKinds(faults Faults) {
	s.wrap = func(p *parts) {
		p.kinds = redrive.Classification{Version: 3, Of: func(f *letter.Failure, _ string) string { return "v3:" + f.Class }}
		p.failures = faultyFailures{p.failures, faults}
	}
}

type faultyReplays struct {
	redrive.Replays
	faults Faults
}

func (f faultyReplays) Sent(ctx context.Context, id string, sent []redrive.Sent, at int64) error {
	if err := f.faults("before", len(sent)); err != nil {
		return err
	}
	if err := f.Replays.Sent(ctx, id, sent, at); err != nil {
		return err
	}
	return f.faults("after", len(sent))
}

func (f faultyReplays) Settle(ctx context.Context, outcomes []redrive.Outcome, at int64) error {
	if err := f.faults("settle-before", len(outcomes)); err != nil {
		return err
	}
	if err := f.Replays.Settle(ctx, outcomes, at); err != nil {
		return err
	}
	return f.faults("settle-after", len(outcomes)) // the Kafka commit comes next
}

type faultyKafka struct {
	redrive.Redeliverer
	faults Faults
}

func (f faultyKafka) Redeliver(ctx context.Context, r redrive.Redelivery) (int32, int64, error) {
	if err := f.faults("publish-before", 1); err != nil {
		return 0, 0, err
	}
	partition, offset, err := f.Redeliverer.Redeliver(ctx, r)
	if err != nil {
		return 0, 0, err
	}
	return partition, offset, f.faults("publish-after", 1)
}

type faultyFailures struct {
	redrive.Failures
	faults Faults
}

func (f faultyFailures) Record(ctx context.Context, letters []letter.Letter) error {
	if err := f.faults("before", len(letters)); err != nil {
		return err
	}
	if err := f.Failures.Record(ctx, letters); err != nil {
		return err
	}
	return f.faults("after", len(letters)) // the Kafka commit comes next
}

func (f faultyFailures) Reclassify(ctx context.Context, to redrive.Classification, limit int) (int64, error) {
	if err := f.faults("kinds-before", limit); err != nil {
		return 0, err
	}
	n, err := f.Failures.Reclassify(ctx, to, limit)
	if err != nil {
		return n, err
	}
	return n, f.faults("kinds-after", int(n))
}
