package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"floodgate.internal/backbone/sqldb"
	"floodgate.internal/services/dlq/internal/letter"
	"floodgate.internal/services/dlq/internal/redrive"
	"floodgate.internal/services/dlq/internal/store"
)

// flood answers letters as a flood brings them: 300 bytes of payload, a kind in
// a hundred, a key each.
func flood(from, n int) []letter.Letter {
	letters := make([]letter.Letter, n)
	for i := range letters {
		at := from + i
		id, kind := uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, at)).String(), at%100
		letters[i] = letter.Letter{
			Failure: letter.Failure{
				ID: id, Service: fmt.Sprint("service-", kind%5), Topic: "vote.cast", Partition: int32(at % 12), Offset: int64(at), //nolint:gosec // small
				Group: fmt.Sprint("group-", kind%10), Key: fmt.Sprint("poll/", at%256), EventID: id, EventType: "floodgate.vote.v1.VoteCast",
				Class: "RETRYABLE", Reason: "SQL", Message: "insert vote: timeout after 301 ms", Fingerprint: fmt.Sprintf("v2:%016d", kind),
				Attempts: 5, FirstFailedAt: 1_764_000_000_000_000 + int64(at)*100, LastFailedAt: 1_764_000_000_000_000 + int64(at)*100,
				TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", Place: letter.Place{Source: fmt.Sprint("id/", at%12), Offset: int64(at)},
			},
			Record: letter.Record{
				Key: []byte(fmt.Sprint("poll/", at%256)), Value: make([]byte, 300),
				Headers: []letter.Header{{Key: "fg-event-id", Value: []byte(id)}, {Key: "__dlq.errors.message", Value: make([]byte, 200)}},
			},
		}
	}
	return letters
}

// fill records n letters by slices of 4,000, from two claims at a time.
func fill(ctx context.Context, s *store.Failures, from, n int) error {
	var next atomic.Int64
	work, ctx := errgroup.WithContext(ctx)
	for range 2 {
		work.Go(func() error {
			for {
				at := int(next.Add(4000)) - 4000
				if at >= n {
					return nil
				}
				if err := s.Record(ctx, flood(from+at, min(4000, n-at))); err != nil {
					return err
				}
			}
		})
	}
	return work.Wait()
}

// BenchmarkRecord takes a flood in; ns/op is one failure.
func BenchmarkRecord(b *testing.B) {
	s, _ := openSQL(b)
	b.ResetTimer()
	if err := fill(b.Context(), s, 0, b.N); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "failures/s")
}

// BenchmarkRead reads pages and groups of a million failures: p99 is below 100
// and 300 ms on PostgreSQL.
func BenchmarkRead(b *testing.B) {
	s, db := openSQL(b)
	if err := fill(b.Context(), s, 0, 1_000_000); err != nil {
		b.Fatal(err)
	}
	// As autovacuum does in the minute after a flood.
	settle := "VACUUM ANALYZE"
	if db.Dialect == sqldb.SQLite {
		settle = "ANALYZE"
	}
	if _, err := db.Write.ExecContext(b.Context(), settle); err != nil {
		b.Fatal(err)
	}
	middle := redrive.Mark{LastFailedAt: 1_764_000_000_000_000 + 50_000_000, ID: "m"}
	compare := func(field letter.Field, text string, number int64) letter.Filter {
		return letter.Filter{Compare: &letter.Comparison{Field: field, Op: letter.Equal, Text: text, Number: number}}
	}
	pages := map[string]letter.Filter{
		"all": {}, "status": compare(letter.FieldStatus, "", int64(letter.Open)), "closed": compare(letter.FieldStatus, "", int64(letter.Discarded)),
		"kind": compare(letter.FieldFingerprint, "v2:0000000000000042", 0), "service": compare(letter.FieldService, "service-3", 0),
		"group": compare(letter.FieldGroup, "group-7", 0), "no group": compare(letter.FieldGroup, "nobody", 0),
		"key": compare(letter.FieldKey, "poll/77", 0), "event": compare(letter.FieldEventID, "0", 0),
	}
	for name, f := range pages {
		b.Run("page of "+name, func(b *testing.B) {
			percentile(b, func(ctx context.Context) error {
				if _, err := s.List(ctx, f, middle, 101); err != nil {
					return err
				}
				_, err := s.Count(ctx, f, 10_000)
				return err
			})
		})
	}
	b.Run("groups", func(b *testing.B) {
		percentile(b, func(ctx context.Context) error {
			_, err := s.Groups(ctx, redrive.Unresolved(), redrive.GroupMark{}, 101, 1_764_000_100_000_000)
			return err
		})
	})
	b.Run("stats", func(b *testing.B) {
		percentile(b, func(ctx context.Context) error {
			_, err := s.Series(ctx, redrive.Span{Since: 1_764_000_000_000_000, Width: 1e6, Buckets: 60})
			return err
		})
	})
}

// percentile reports the 99th of a call.
func percentile(b *testing.B, call func(context.Context) error) {
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		if err := call(b.Context()); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
