package deadletter_test

import (
	"testing"

	"floodgate.internal/backbone/deadletter"
)

func TestOwnFrame(t *testing.T) {
	t.Parallel()
	for stack, want := range map[string]string{
		"": "", "no stack at all (as it seems)": "", "a.b: c(d)": "",
		"goroutine 7 [running]:\nruntime.gopanic(0x1)\n\t/go/panic.go:770 +0x132\nencoding/json.(*decodeState).object(0xc0)\n\t/go/decode.go:1\n" +
			"example.org/shop/orders.(*Book).Add(0xc000, {0x1, 0x2})\n\t/src/book.go:41 +0x1d\nmain.main()\n": "example.org/shop/orders.(*Book).Add",
		"floodgate.internal/backbone/consume.(*claim).run(0x1)\nfloodgate.internal/services/vote/internal/ballot.Decide(0x1)": "floodgate.internal/services/vote/internal/ballot.Decide",
		"main.handle(0x1)":                          "main.handle",
		"java.lang.IllegalStateException: broken\n": "",
		"org.springframework.kafka.ListenerException: failed\n\tat org.springframework.kafka.A.invoke(A.java:2873)\n" +
			"\tat java.base/java.lang.Thread.run(Thread.java:840)\n\tat app//com.example.Billing$1.onOrder(Billing.java:42)": "com.example.Billing$1.onOrder",
		"\tat java.lang.Thread.run(Thread.java:840)": "",
	} {
		if got := deadletter.OwnFrame(stack); got != want {
			t.Errorf("%q is of %q, want %q", stack, got, want)
		}
	}
}

// A kind keeps its name while lines move and ids change, and another place in
// the code is another kind.
func TestFingerprintOfAKind(t *testing.T) {
	t.Parallel()
	kind := func(change func(*deadletter.Kind)) string {
		k := deadletter.Kind{Service: "billing", Class: "com.example.Bad", Message: "customer 4711 is unknown", Stack: "\tat com.example.A.f(A.java:12)"}
		change(&k)
		return deadletter.FingerprintOf(k)
	}
	base := kind(func(*deadletter.Kind) {})
	if base != "v2:1f98e51414ce3158" {
		t.Errorf("pinned fingerprint is %s", base)
	}
	for name, same := range map[string]string{
		"another line": kind(func(k *deadletter.Kind) {
			k.Stack = "\tat java.util.List.get(List.java:1)\n\tat com.example.A.f(A.java:99)"
		}),
		"another number": kind(func(k *deadletter.Kind) { k.Message = "customer 12 is unknown" }),
	} {
		if same != base {
			t.Errorf("%s is another kind", name)
		}
	}
	for name, other := range map[string]string{
		"another service": kind(func(k *deadletter.Kind) { k.Service = "orders" }), "another class": kind(func(k *deadletter.Kind) { k.Class = "com.example.Worse" }),
		"another place": kind(func(k *deadletter.Kind) { k.Stack = "\tat com.example.A.g(A.java:12)" }),
		"another text":  kind(func(k *deadletter.Kind) { k.Message = "customer is blocked" }),
	} {
		if other == base {
			t.Errorf("%s is the same kind", name)
		}
	}
}

// FuzzOwnFrame: a stack is text from anywhere.
func FuzzOwnFrame(f *testing.F) {
	f.Add("\tat com.example.A.f(A.java:12)")
	f.Add("main.f(0x1)\n\tat (")
	f.Fuzz(func(t *testing.T, stack string) {
		if got := deadletter.OwnFrame(stack); len(got) > len(stack) {
			t.Errorf("%q has a frame %q", stack, got)
		}
	})
}
