package topics_test

import (
	"strings"
	"testing"

	"floodgate.internal/proto/topics"
)

func TestReplyTopicsAreToldByTheirNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"payment.reply.web-1-0f3a": {"payment", "web-1-0f3a"},
		"queue.reply.A_b":          {"queue", "A_b"},
		"payment.request":          {}, "payment.reply.": {}, ".reply.a": {}, "payment.reply": {},
		"payment.reply.a.b": {}, "a.payment.reply.b": {}, "payment.reply.a.reply.b": {},
		"dlq.failed": {}, "vote.cast.replay.vote-tally": {}, "payment.reply.a/b": {}, "payment.reply.a\n": {},
		"payment.reply." + strings.Repeat("a", 236): {},
	} {
		domain, instance, ok := topics.ReplyOf(name)
		if domain != want[0] || instance != want[1] || ok != (want[0] != "") {
			t.Errorf("%q: domain %q, instance %q, %v", name, domain, instance, ok)
		}
	}
}

func TestAReplyTopicIsBounded(t *testing.T) {
	t.Parallel()
	topic := topics.Reply(topics.DomainPayment, "web-1")
	if domain, instance, ok := topics.ReplyOf(topic.Name); !ok || domain != "payment" || instance != "web-1" {
		t.Errorf("%s is %s's of %s", topic.Name, instance, domain)
	}
	if topic.PartitionsDev != 3 || topic.PartitionsProd != 3 || topic.Retention <= 0 || topic.SegmentBytes <= 0 || !topic.LogAppendTime {
		t.Errorf("%+v", topic)
	}
}
