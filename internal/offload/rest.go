package offload

import (
	"cmp"
	"time"

	"github.com/google/btree"
)

// retries holds the keys whose rows a device refused, and when each is due to be
// offered again. A full device refuses as many as there are stations, so nothing
// here looks at all of them.
type retries[K cmp.Ordered] struct {
	at    map[K]time.Time
	order *btree.BTreeG[retry[K]]
}

type retry[K cmp.Ordered] struct {
	at  time.Time
	key K
}

func newRetries[K cmp.Ordered]() retries[K] {
	return retries[K]{at: make(map[K]time.Time), order: btree.NewG(32, func(a, b retry[K]) bool {
		if c := a.at.Compare(b.at); c != 0 {
			return c < 0
		}
		return a.key < b.key
	})}
}

// set makes k due at a time, instead of the one it had.
func (r *retries[K]) set(k K, at time.Time) {
	r.drop(k)
	r.at[k] = at
	r.order.ReplaceOrInsert(retry[K]{at, k})
}

// drop forgets k.
func (r *retries[K]) drop(k K) {
	if at, ok := r.at[k]; ok {
		delete(r.at, k)
		r.order.Delete(retry[K]{at, k})
	}
}

// next returns when the first key is due, the zero time if there is none.
func (r *retries[K]) next() time.Time {
	first, _ := r.order.Min()
	return first.at
}

// due returns the keys that are due at now, at most chunk.
func (r *retries[K]) due(now time.Time) (keys []K) {
	r.order.Ascend(func(x retry[K]) bool {
		if x.at.After(now) {
			return false
		}
		keys = append(keys, x.key)
		return len(keys) < chunk
	})
	return keys
}

// after returns the keys that are due after a time.
func (r *retries[K]) after(at time.Time) (keys []K) {
	r.order.Descend(func(x retry[K]) bool {
		if !x.at.After(at) {
			return false
		}
		keys = append(keys, x.key)
		return true
	})
	return keys
}
