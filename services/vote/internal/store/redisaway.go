package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/redis/go-redis/v9"

	"floodgate.internal/services/vote/internal/casting"
)

// away marks an error that says nothing of the records and everything of Redis:
// it cannot be reached, is starting, full, or a replica. A caller's own ended
// context is not one.
func away(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if unreachable(err) || cannotServe(err) {
		return fmt.Errorf("%w: %w", casting.ErrAway, err)
	}
	return err
}

func unreachable(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.ErrPoolTimeout) ||
		errors.Is(err, context.DeadlineExceeded)
}

// cannotServe reads the error replies that name a state of the server
// (redis.io/docs, "Redis serialization protocol", simple errors).
func cannotServe(err error) bool {
	for _, prefix := range []string{
		"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "OOM", "MISCONF", "BUSY", "NOREPLICAS", "NOAUTH", "WRONGPASS",
	} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

// Ping answers whether Redis answers.
func (v *RedisView) Ping(ctx context.Context) error {
	return away(v.client.Ping(ctx).Err())
}
