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

// InjectReplays has the service tell faults around every write of a replay
// ("freeze-before", "end-after", …; of a portion "before" and "after"), around
// each record on its way ("publish-before", "publish-after") and around each
// decision ("decide-before", "decide-after").
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

// around tells faults before and after a write.
func (f faultyReplays) around(what string, n int, write func() error) error {
	if err := f.faults(what+"before", n); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	return f.faults(what+"after", n)
}

func (f faultyReplays) Freeze(ctx context.Context, r redrive.Replay, s redrive.Selection) (frozen redrive.Replay, err error) {
	err = f.around("freeze-", 1, func() (err error) {
		frozen, err = f.Replays.Freeze(ctx, r, s)
		return err
	})
	return frozen, err
}

func (f faultyReplays) Cancel(ctx context.Context, id string, e redrive.Entry) error {
	return f.around("cancel-", 1, func() error { return f.Replays.Cancel(ctx, id, e) })
}

func (f faultyReplays) Confirming(ctx context.Context, id string) error {
	return f.around("confirming-", 1, func() error { return f.Replays.Confirming(ctx, id) })
}

func (f faultyReplays) End(ctx context.Context, id string, state letter.ReplayState, reason string, at int64) error {
	return f.around("end-", 1, func() error { return f.Replays.End(ctx, id, state, reason, at) })
}

func (f faultyReplays) Sent(ctx context.Context, id string, sent []redrive.Sent, at int64) error {
	return f.around("", len(sent), func() error { return f.Replays.Sent(ctx, id, sent, at) })
}

// Decide is followed by the answer.
func (f faultyReplays) Decide(ctx context.Context, d redrive.Decision) error {
	return f.around("decide-", 1, func() error { return f.Replays.Decide(ctx, d) })
}

// Settle is followed by the Kafka commit of its outcomes.
func (f faultyReplays) Settle(ctx context.Context, outcomes []redrive.Outcome, at int64) error {
	return f.around("settle-", len(outcomes), func() error { return f.Replays.Settle(ctx, outcomes, at) })
}

func (f faultyReplays) Infer(ctx context.Context, passed []redrive.Unconfirmed, at int64) (int, error) {
	if err := f.faults("infer-before", len(passed)); err != nil {
		return 0, err
	}
	n, err := f.Replays.Infer(ctx, passed, at)
	if err != nil {
		return 0, err
	}
	return n, f.faults("infer-after", len(passed))
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
