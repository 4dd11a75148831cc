package devlink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// allowed are the outcomes that a verb may have when others are at it at the same time.
func allowed(err error) bool {
	for _, e := range []error{switchdev.ErrNoDevice, switchdev.ErrBusy, switchdev.ErrInvalid, switchdev.ErrExist, switchdev.ErrNotExist,
		switchdev.ErrClosed, switchdev.ErrDeadlock, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return true
		}
	}
	return err == nil
}

// storm is what many do at the same time to a registry.
type storm struct {
	r     *Registry
	bad   chan error
	value atomic.Int64
}

func (s *storm) check(what string, err error) {
	if !allowed(err) {
		select {
		case s.bad <- fmt.Errorf("%s: %w", what, err):
		default:
		}
	}
}

func (s *storm) instance(rnd *rand.Rand) *Instance {
	h := Handle{"test", fmt.Sprint(rnd.IntN(6))}
	i, err := s.r.NewInstance(InstanceConfig{Handle: h, Namespace: namespaceOf(rnd)})
	s.check("new", err)
	if err != nil {
		s.r.mu.Lock()
		i = s.r.instances[h]
		s.r.mu.Unlock()
	}
	return i
}

func namespaceOf(rnd *rand.Rand) string { return []string{"", "n0", "n1"}[rnd.IntN(3)] }

func (s *storm) touch(l *Locked, rnd *rand.Rand) error {
	o := newThing(Kind(1+rnd.IntN(int(numKinds)-1)), fmt.Sprint(rnd.IntN(3)), int(s.value.Add(1)))
	if o.kind == KindPort {
		o.key = Key{Port: uint32(rnd.IntN(3)), OnPort: true}
	}
	if rnd.IntN(3) == 0 {
		err := drop(l, o)
		if errors.Is(err, switchdev.ErrNotExist) {
			err = nil
		}
		return err
	}
	return put(l, o)
}

// step is one verb, from inside a callback with its ctx too.
func (s *storm) step(ctx context.Context, rnd *rand.Rand, depth int) {
	i := s.instance(rnd)
	if i == nil {
		return
	}
	if rnd.IntN(8) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go cancel()
	}
	switch rnd.IntN(11) {
	case 0, 1:
		s.check("register", i.Register(ctx))
	case 2:
		s.check("unregister", i.Unregister(ctx))
	case 3:
		s.check("move", i.Move(ctx, namespaceOf(rnd)))
	case 4:
		s.check("free", i.Free(ctx))
	case 5:
		name := fmt.Sprint("n", rnd.IntN(2))
		s.check("delete namespace", s.r.DeleteNamespace(ctx, name))
		s.check("add namespace", s.r.AddNamespace(name))
	case 6:
		i.SubmitDo(func(_ context.Context, l *Locked) error {
			return s.touch(l, rand.New(rand.NewPCG(1, uint64(s.value.Add(1)))))
		})
	case 7:
		_, err := i.TryDo(ctx, func(_ context.Context, l *Locked) error { return s.touch(l, rnd) })
		s.check("trydo", err)
	case 8:
		for j := range s.r.Instances(namespaceOf(rnd)) {
			j.State()
		}
	default:
		s.check("do", i.Do(ctx, func(ctx context.Context, l *Locked) error {
			if err := s.touch(l, rnd); err != nil {
				return err
			}
			if depth < 3 && rnd.IntN(3) == 0 {
				s.step(ctx, rnd, depth+1)
			}
			return nil
		}))
	}
}

func (s *storm) blow(t *testing.T, workers, steps int, seed uint64) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(w)))
			for range steps {
				s.step(context.Background(), rnd, 0)
			}
		})
	}
	for w := range 2 {
		wg.Go(func() { // a subscriber that comes and goes
			rnd := rand.New(rand.NewPCG(seed+1, uint64(w)))
			for range steps / 20 {
				n, err := s.r.Notify(NotifyOptions{SubscribeOptions: SubscribeOptions{AllNamespaces: true, Replay: true}}, func(ctx context.Context, e Event) {
					if rnd.IntN(50) == 0 {
						s.step(ctx, rnd, 3)
					}
				})
				if err != nil {
					s.check("notify", err)
					return
				}
				s.check("notifier close", n.Close(context.Background()))
			}
		})
	}
	wg.Wait()
	select {
	case err := <-s.bad:
		t.Error(err)
	default:
	}
}

// Everything at the same time, with no bubble: streams keep the rules and agree with
// the state; nobody is in a namespace that is no more; everybody gets an answer.
func TestEverythingAtOnceKeepsTheRules(t *testing.T) {
	for seed := range uint64(4) {
		r, err := New(Config{Events: 16 << (2 * seed)})
		if err != nil {
			t.Fatal(err)
		}
		addNamespace(t, r, "n0", "n1")
		s := &storm{r: r, bad: make(chan error, 1)}
		stop, readers := make(chan struct{}), sync.WaitGroup{}
		for w := range 3 {
			readers.Go(func() { follow(t, r, stop, w > 0, w > 1) })
		}
		s.blow(t, 6, 300, seed)
		close(stop)
		readers.Wait()
		r.mu.Lock()
		for name, ns := range r.namespaces {
			for i := range ns.members {
				if i.namespace != name || r.instances[i.handle] != i {
					t.Errorf("%v is in %q and a member of %q", i.handle, i.namespace, name)
				}
			}
		}
		for _, i := range r.instances {
			if ns := r.namespaces[i.namespace]; ns == nil || ns.dying || !ns.members[i] {
				t.Errorf("%v is in %q", i.handle, i.namespace)
			}
		}
		r.mu.Unlock()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if r.busy != 0 {
			t.Errorf("%d operations are left", r.busy)
		}
		for _, i := range r.instances {
			if i.slot.now() != nil || len(i.slot.waiting()) != 0 {
				t.Errorf("%v has something to do", i.handle)
			}
		}
	}
}

// follow reads a stream to its end and compares it with the state.
func follow(t *testing.T, r *Registry, stop <-chan struct{}, slow, coalesce bool) {
	sub, err := r.Subscribe(SubscribeOptions{AllNamespaces: true, Replay: true, Coalesce: coalesce})
	if err != nil {
		t.Error(err)
		return
	}
	defer sub.Close()
	s := newStream(true)
	for over := false; !over; {
		select {
		case <-stop:
			over = true
		case <-sub.Ready():
			for range 1000 {
				if slow {
					runtime.Gosched()
				}
			}
		}
		if err := s.read(sub); err != nil {
			t.Error(err)
			return
		}
	}
	// notifiers and what was only submitted may still be at it
	for {
		snap := r.Snapshot()
		if err := s.read(sub); err != nil {
			t.Error(err)
			return
		}
		if s.seq > snap.Seq() {
			continue
		}
		if err := s.compare(snap, "", "n0", "n1"); err != nil {
			t.Error(err)
		}
		return
	}
}

// The registry is closed in the middle of everything.
func TestCloseInTheMiddleOfEverything(t *testing.T) {
	for seed := range uint64(10) {
		r, err := New(Config{Events: 256})
		if err != nil {
			t.Fatal(err)
		}
		addNamespace(t, r, "n0", "n1")
		s := &storm{r: r, bad: make(chan error, 1)}
		sub := subscribe(t, r, SubscribeOptions{AllNamespaces: true})
		ctx, cancel := context.WithCancel(context.Background())
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			for e, err := range sub.All(ctx) {
				if err != nil && !errors.Is(err, switchdev.ErrOverrun) || e.Seq >= 100+seed*30 {
					break
				}
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}()
		s.blow(t, 6, 100, seed)
		cancel()
		<-closed
		if r.Snapshot().Len() != 0 {
			t.Error("something is left to be seen")
		}
	}
}
