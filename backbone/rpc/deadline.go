package rpc

import (
	"context"
	"time"
)

// answerMargin is how long before its caller's deadline a call ends, so that
// the answer, which names what may be repeated, still reaches the caller. Of
// a short deadline it takes a tenth.
const answerMargin = 100 * time.Millisecond

// bounded answers ctx with the deadline of a unary call: limit from now, or
// the caller's own less the margin, whichever comes first.
func bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		limit = min(limit, left-min(left/10, answerMargin))
	}
	return context.WithTimeout(ctx, limit)
}
