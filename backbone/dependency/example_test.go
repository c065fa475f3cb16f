package dependency_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"floodgate.internal/backbone/dependency"
	"floodgate.internal/backbone/failure"
)

// A service makes one Dependency for each thing it calls, runs its probe beside
// its consumer groups, and calls through Do in its handlers. The consume runtime
// does the rest: it waits while the breaker is open, and spends the credit where
// records time out.
func Example() {
	refused := errors.New("connection refused")
	provider := func(context.Context) error { return refused } // stands for an HTTP client
	fcm, err := dependency.New(dependency.Config{
		Name:        "fcm",
		IsTransport: func(err error) bool { return errors.Is(err, refused) || errors.Is(err, context.DeadlineExceeded) },
		Probe:       provider, // asks for something cheap that the calls need, too
		Failures:    2,
		Log:         slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { _ = fcm.Run(ctx) }() // a lifecycle component in a service

	handle := func(ctx context.Context) error { return fcm.Do(ctx, provider) }
	for range 3 {
		err := handle(ctx)
		fmt.Println(failure.ClassOf(err), "-", err)
	}
	fmt.Println(fcm.Status().State, fcm.Status().Credit)
	// Output:
	// RETRYABLE - fcm: connection refused
	// RETRYABLE - fcm: connection refused
	// OUTAGE - fcm: the circuit breaker is open: connection refused
	// OPEN 10
}
