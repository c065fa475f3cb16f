package store_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
)

func cpu(b *testing.B, c redis.UniversalClient) float64 {
	info, err := c.Info(context.Background(), "cpu").Result()
	if err != nil {
		b.Fatal(err)
	}
	var sum float64
	for _, l := range strings.Split(info, "\r\n") {
		for _, p := range []string{"used_cpu_user:", "used_cpu_sys:"} {
			if s, ok := strings.CutPrefix(l, p); ok {
				f, _ := strconv.ParseFloat(s, 64)
				sum += f
			}
		}
	}
	return sum
}

func BenchmarkApply(b *testing.B) {
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: strings.Split(os.Getenv("BENCH_REDIS"), ",")})
	defer client.Close()
	for _, per := range []int{5, 20, 50, 200, 1000} {
		b.Run(fmt.Sprintf("%dPerChange", per), func(b *testing.B) {
			view := store.NewRedisView(client, time.Hour)
			ctx := b.Context()
			client.FlushAll(ctx)
			poll := "poll"
			// batches of 1000 votes
			shards := 1000 / per
			total := 300_000
			var batches [][]casting.Change
			lasts := map[int32]int64{}
			offset := int64(0)
			n := 0
			at := 0
			for n < total {
				var ch []casting.Change
				for s := range shards {
					id := int32((at + s) % 256)
					last, ok := lasts[id]
					if !ok {
						last = -1
					}
					c := casting.Change{Shard: casting.Shard{Poll: poll, Number: id}, Generation: 1790000000000000, From: last}
					c.Counts = ballot.NewCounts(10)
					for range per {
						n++
						offset++
						v := ballot.Voter{Votes: []ballot.Vote{{ID: fmt.Sprintf("5f0c3a9e-9e0f-4a53-b1ce-%012d", n), Candidate: "candidate-3", Offset: offset, AcceptedAt: 1790000000000000 + offset}}}
						c.Fields = append(c.Fields, casting.Field{Name: fmt.Sprintf("v/0c3a5f9e-4a53-9e0f-b1ce-%012d", n), Value: v.Encode()})
						c.Counts.Candidates[n%10]++
					}
					c.To = offset
					lasts[id] = offset
					ch = append(ch, c)
				}
				at += shards
				batches = append(batches, ch)
			}
			before := cpu(b, client)
			b.ResetTimer()
			start := time.Now()
			for _, ch := range batches {
				r, err := view.Apply(ctx, ch)
				if err != nil {
					b.Fatal(err)
				}
				for _, x := range r {
					if x.Outcome != casting.Applied {
						b.Fatal(x)
					}
				}
			}
			el := time.Since(start)
			b.ReportMetric((cpu(b, client)-before)*1e6/float64(n), "redisµs/vote")
			b.ReportMetric(el.Seconds()*1e6/float64(n), "wallµs/vote")
			b.ReportMetric(0, "ns/op")
			st, _ := client.Info(ctx, "commandstats").Result()
			for _, l := range strings.Split(st, "\r\n") {
				if strings.HasPrefix(l, "cmdstat_evalsha") { b.Log(l) }
			}
			client.ConfigResetStat(ctx)
		})
	}
}

func BenchmarkIncr(b *testing.B) {
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: strings.Split(os.Getenv("BENCH_REDIS"), ",")})
	defer client.Close()
	ctx := b.Context()
	before := cpu(b, client)
	start := time.Now()
	n := 0
	for range 300 {
		p := client.Pipeline()
		for range 1000 {
			p.Incr(ctx, "vote:poll:candidate-3")
			n++
		}
		if _, err := p.Exec(ctx); err != nil { b.Fatal(err) }
	}
	el := time.Since(start)
	b.ReportMetric((cpu(b, client)-before)*1e6/float64(n), "redisµs/vote")
	b.ReportMetric(el.Seconds()*1e6/float64(n), "wallµs/vote")
	b.ReportMetric(0, "ns/op")
}
