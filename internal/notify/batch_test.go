package notify_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/switchcore/switchcore/internal/notify"
)

// TestTryReadReadsWhatTryNextReads: two subscriptions with the same options read the
// same, one by one and in batches of any size, with replays, bulks, filters and
// overruns.
func TestTryReadReadsWhatTryNextReads(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		tb := newTable(t, 8)
		var o opts
		if seed%2 == 0 {
			o.Replay, o.Synced = tb.replay, isSynced
		}
		if seed%3 == 0 {
			o.Filter = even
		}
		one, many := subscribe(t, tb.ring, o), subscribe(t, tb.ring, o)
		for range 30 {
			for range rng.IntN(12) {
				switch n := rng.IntN(10); {
				case n < 7:
					tb.set(rng.IntN(20), rng.IntN(100))
				case n < 9:
					tb.del(rng.IntN(20))
				default:
					tb.flush(rng.IntN(2), rng.IntN(2) == 0)
				}
			}
			want, got := readAll(one), readBatches(many, rng)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: in batches\n%v\none by one\n%v", seed, got, want)
			}
		}
		one.Close()
		many.Close()
		if n, err := many.TryRead(make([]event, 3)); n != 0 || !errors.Is(err, notify.ErrClosed) {
			t.Fatalf("a closed subscription reads %d, %v", n, err)
		}
	}
}

func readAll(s *sub) (lines []string) {
	for {
		e, ok, err := s.TryNext()
		if err != nil {
			lines = append(lines, err.Error())
		} else if !ok {
			return lines
		} else {
			lines = append(lines, fmt.Sprint(e))
		}
	}
}

func readBatches(s *sub, rng *rand.Rand) (lines []string) {
	for {
		dst := make([]event, 1+rng.IntN(7))
		n, err := s.TryRead(dst)
		for _, e := range dst[:n] {
			lines = append(lines, fmt.Sprint(e))
		}
		if err != nil {
			lines = append(lines, err.Error())
		} else if n == 0 {
			return lines
		}
	}
}

// TestTryReadOfCoalescing: the same for a subscription that coalesces.
func TestTryReadOfCoalescing(t *testing.T) {
	tb := newTable(t, 8)
	s, err := notify.SubscribeKeyed(tb.ring, opts{Replay: tb.replay}, byKey)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 5 {
		tb.set(i%2, i)
	}
	if got := readBatches(s, rand.New(rand.NewPCG(1, 1))); len(got) != 2 {
		t.Errorf("read %v, want the last of each of two keys", got)
	}
}

// TestTryReadIntoNothing asks for nothing and gets it, without taking anything.
func TestTryReadIntoNothing(t *testing.T) {
	tb := newTable(t, 8)
	s := subscribe(t, tb.ring, opts{})
	defer s.Close()
	tb.set(1, 1)
	if n, err := s.TryRead(nil); n != 0 || err != nil {
		t.Errorf("TryRead(nil) = %d, %v", n, err)
	}
	if got := readAll(s); len(got) != 1 {
		t.Errorf("read %v afterwards, want one event", got)
	}
}
