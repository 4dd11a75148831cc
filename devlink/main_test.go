package devlink

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/switchdev"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// thing is an object of any kind.
type thing struct {
	kind Kind
	key  Key
	val  int
}

func (t *thing) Kind() Kind { return t.kind }
func (t *thing) Key() Key   { return t.key }

func newThing(k Kind, name string, val int) *thing { return &thing{k, Key{Name: name}, val} }

func onPort(k Kind, port uint32, name string) *thing {
	return &thing{kind: k, key: Key{Port: port, OnPort: true, Name: name}}
}

// put adds or changes an object.
func put(l *Locked, o Object) error {
	return l.tell("test.put", func() ([]Event, error) {
		if l.inst.objs.put(o) {
			return []Event{{Verb: Added, Object: o}}, nil
		}
		return []Event{{Verb: Changed, Object: o}}, nil
	})
}

// drop removes one.
func drop(l *Locked, o Object) error {
	return l.tell("test.drop", func() ([]Event, error) {
		was := l.inst.objs.remove(o.Kind(), o.Key())
		if was == nil {
			return nil, l.refuse("test.drop", "", "", switchdev.ErrNotExist)
		}
		return []Event{{Verb: Deleted, Object: was}}, nil
	})
}

func newRegistry(t testing.TB, c Config) *Registry {
	t.Helper()
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

func newInstance(t testing.TB, r *Registry, device string, namespace ...string) *Instance {
	t.Helper()
	c := InstanceConfig{Handle: Handle{"test", device}}
	if len(namespace) > 0 {
		c.Namespace = namespace[0]
	}
	i, err := r.NewInstance(c)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// registered is newInstance with objects, registered.
func registered(t testing.TB, r *Registry, device, namespace string, objs ...Object) *Instance {
	t.Helper()
	i := newInstance(t, r, device, namespace)
	do(t, i, func(l *Locked) error {
		for _, o := range objs {
			if err := put(l, o); err != nil {
				return err
			}
		}
		return nil
	})
	finish(t, i.SubmitRegister())
	return i
}

// finish waits for an outcome, and polls where nobody else does.
func finish(t testing.TB, k *Ticket) {
	t.Helper()
	if err := outcome(k); err != nil {
		t.Fatal(err)
	}
}

func outcome(k *Ticket) error {
	k.reg.Poll(time.Time{})
	return k.Wait(context.Background())
}

func do(t testing.TB, i *Instance, f func(l *Locked) error) {
	t.Helper()
	finish(t, i.SubmitDo(func(_ context.Context, l *Locked) error { return f(l) }))
}

// both runs a test on a registry with goroutines and on a Manual one.
func both(t *testing.T, f func(t *testing.T, r *Registry)) {
	for _, manual := range []bool{false, true} {
		t.Run(fmt.Sprintf("manual=%v", manual), func(t *testing.T) { f(t, newRegistry(t, Config{Manual: manual})) })
	}
}

// inBubbles is both in virtual time.
func inBubbles(t *testing.T, f func(t *testing.T, r *Registry)) {
	for _, manual := range []bool{false, true} {
		t.Run(fmt.Sprintf("manual=%v", manual), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, newRegistry(t, Config{Manual: manual})) })
		})
	}
}

func mustBe(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func subscribe(t testing.TB, r *Registry, o SubscribeOptions) *Subscription {
	t.Helper()
	s, err := r.Subscribe(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// rest reads what there is.
func rest(t testing.TB, s *Subscription) (list []Event) {
	t.Helper()
	for {
		e, ok, err := s.TryNext()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return list
		}
		list = append(list, e)
	}
}

// texts are events in short: verb, kind, device, object, namespace.
func texts(list []Event) (s []string) {
	for _, e := range list {
		if e.Life == nil {
			s = append(s, e.Verb.String())
			continue
		}
		text := fmt.Sprintf("%v %v %s%s", e.Verb, e.Object.Kind(), e.Life.Device, e.Object.Key().suffix())
		if e.Life.Namespace != "" {
			text += "@" + e.Life.Namespace
		}
		s = append(s, text)
	}
	return s
}
