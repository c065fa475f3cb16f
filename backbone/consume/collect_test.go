package consume

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
)

// sizes notes the sizes of the batches and when they came.
type sizes struct {
	mu    sync.Mutex
	sizes []int
	after []time.Duration
	began time.Time
	takes time.Duration
}

func (s *sizes) HandleBatch(_ context.Context, b *Batch) error {
	s.mu.Lock()
	s.sizes = append(s.sizes, len(b.Records))
	s.after = append(s.after, time.Since(s.began))
	s.mu.Unlock()
	elapse(s.takes)
	return nil
}

func TestBatchesFillOrLinger(t *testing.T) {
	t.Parallel()
	big := func(offset int64) *sarama.ConsumerMessage {
		m := message(offset, "k")
		m.Value = make([]byte, 600)
		return m
	}
	for _, tc := range []struct {
		name  string
		send  func(src *fakeSource)
		sizes []int
		first time.Duration
	}{
		{"full at once", func(src *fakeSource) { src.send(0, "a", "b", "c", "d") }, []int{4}, 0},
		{"part waits", func(src *fakeSource) { src.send(0, "a", "b") }, []int{2}, time.Second},
		{"grows while it lingers", func(src *fakeSource) {
			src.send(0, "a")
			elapse(600 * time.Millisecond)
			src.send(1, "b")
		}, []int{2}, time.Second},
		{"bytes", func(src *fakeSource) { src.messages <- big(0); src.messages <- big(1); src.messages <- big(2) }, []int{1, 1, 1}, 0},
		{"one record above the bytes", func(src *fakeSource) {
			m := big(0)
			m.Value = make([]byte, 5000)
			src.messages <- m
		}, []int{1}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				src, h := newFakeSource(16), &sizes{began: time.Now()}
				_, end := begin(t, Config{BatchRecords: 4, BatchBytes: 1000, BatchLinger: time.Second}, src, h, &fakeLetters{})
				tc.send(src)
				elapse(10 * time.Second)
				end()
				if !slices.Equal(h.sizes, tc.sizes) || h.after[0] != tc.first {
					t.Errorf("batches of %v after %v, want %v, the first after %v", h.sizes, h.after, tc.sizes, tc.first)
				}
			})
		})
	}
}

// While a batch is handled one more is gathered, and then nothing is read.
func TestABusyHandlerStopsTheReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, h := newFakeSource(0), &sizes{began: time.Now(), takes: time.Hour}
		_, end := begin(t, Config{BatchRecords: 4, BatchLinger: time.Second, Deadline: 2 * time.Hour, DrainTimeout: time.Second}, src, h, &fakeLetters{})
		read := 0
		for open := true; open; {
			select {
			case src.messages <- message(int64(read), "a"):
				read++
			case <-time.After(time.Minute):
				open = false
			}
		}
		if read != 8 {
			t.Errorf("%d records were read, want the batch at work and the next", read)
		}
		end()
		elapse(2 * time.Hour)
	})
}
