package devlink_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/devlinktest"
	"github.com/switchcore/switchcore/switchdev"
)

// The operations of TestRandomOperations, over all seeds.
const (
	propertySeeds = 25
	propertySteps = 4000
)

// TestRandomOperations has a registry do everything that it can do, at random, and holds
// it against the model after every operation: the outcome, what the driver's callbacks
// were answered, the events one by one, what can be seen, and what each of a number of
// subscribers reads, whenever it does.
func TestRandomOperations(t *testing.T) {
	seeds := propertySeeds
	if slowBuild || testing.Short() {
		seeds = 3
	}
	var sum tally
	for seed := range uint64(seeds) {
		if err := play(seed, propertySteps, &sum); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%+v", sum)
	if sum.overruns == 0 || sum.failures == 0 || sum.circles == 0 || sum.events < sum.steps {
		t.Errorf("it was too quiet: %+v", sum)
	}
}

// tally is what happened.
type tally struct{ steps, events, overruns, failures, circles int }

// world is a registry, its model, and who watches.
type world struct {
	rng    *rand.Rand
	reg    *devlink.Registry
	m      *model
	chips  map[devlink.Handle]*chip
	events int // of the ring

	results  []error
	problem  error
	scribe   *devlink.Subscription
	log      devlinktest.Log
	heard    uint64
	readers  []*reader
	ears     []*devlink.Notifier
	verified map[devlink.Object]string

	sum *tally
}

// reader is a subscriber.
type reader struct {
	sub    *devlink.Subscription
	stream *devlinktest.Stream
	slow   bool
	read   int // of the log, when it read last
}

// fail notes the first that went wrong where it cannot be returned.
func (w *world) fail(format string, args ...any) {
	if w.problem == nil {
		w.problem = fmt.Errorf(format, args...)
	}
}

func play(seed uint64, steps int, sum *tally) (err error) {
	w := &world{
		rng: rand.New(rand.NewPCG(seed, 14)), chips: make(map[devlink.Handle]*chip), verified: make(map[devlink.Object]string),
		events: 256 << (seed % 3), sum: sum,
	}
	start := time.Unix(1_000_000_000, 0)
	if w.reg, err = devlink.New(devlink.Config{Manual: true, Start: start, Events: w.events}); err != nil {
		return err
	}
	w.m = newModel(start)
	if w.scribe, err = w.reg.Subscribe(devlink.SubscribeOptions{AllNamespaces: true}); err != nil {
		return err
	}
	done := ""
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: panic: %v", done, p)
			panic(fmt.Sprintf("seed %d: %v", seed, err))
		}
	}()
	for n := range steps {
		w.m.events, w.m.results, w.results = nil, nil, nil
		done = fmt.Sprintf("operation %d", n)
		sum.steps++
		what, err := w.step()
		done += ", " + what
		if err == nil {
			err = w.check()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", done, err)
		}
	}
	return w.end()
}

// submit has something done and holds the outcome against that of the model.
func (w *world) submit(k *devlink.Ticket, want func() error) error {
	w.reg.Poll(w.m.now)
	select {
	case <-k.Done():
	default:
		return errors.New("it has not ended")
	}
	return agree(k.Err(), want())
}

// agree holds an error against what it has to match.
func agree(got, want error) error {
	if (got == nil) != (want == nil) || want != nil && !errors.Is(got, want) {
		return fmt.Errorf("error %v, want %v", got, want)
	}
	return nil
}

// check holds everything that can be seen against the model.
func (w *world) check() error {
	if w.problem != nil {
		return w.problem
	}
	if len(w.results) != len(w.m.results) {
		return fmt.Errorf("callbacks did %d things, want %d", len(w.results), len(w.m.results))
	}
	for n, want := range w.m.results {
		if err := agree(w.results[n], want); err != nil {
			return fmt.Errorf("in a callback, %d: %w", n, err)
		}
		if want == switchdev.ErrDeadlock {
			w.sum.circles++
		}
	}
	if err := w.checkEvents(); err != nil {
		return err
	}
	if err := w.checkView(); err != nil {
		return err
	}
	return w.checkReaders(false)
}

// checkEvents holds the new events against those of the model, one by one.
func (w *world) checkEvents() error {
	for {
		e, ok, err := w.scribe.TryNext()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		w.log.Add(e)
	}
	list := w.log.Since(w.heard)
	w.sum.events += len(list)
	for n, want := range w.m.events {
		if n == len(list) {
			return fmt.Errorf("event %d is missing: %v", n, want)
		}
		e := list[n]
		w.heard = e.Seq
		if e.Verb != want.verb || e.Marks != want.marks || *e.Life != want.life || !w.same(e.Object, want.obj) {
			return fmt.Errorf("event %d: %v, marks %d, life %v\n%s\nwant %v %d %v\n%s",
				n, e, e.Marks, *e.Life, face(e.Object), want.verb, want.marks, want.life, face(want.obj))
		}
	}
	if len(list) > len(w.m.events) {
		return fmt.Errorf("event that should not be: %v", list[len(w.m.events)])
	}
	return nil
}

// checkView holds a snapshot and the lookups against the model.
func (w *world) checkView() error {
	snap := w.reg.Snapshot()
	if snap.Seq() < w.heard {
		return fmt.Errorf("the snapshot is of %d, and %d was told", snap.Seq(), w.heard)
	}
	visible := 0
	for _, x := range w.m.sorted() {
		h, i := x.life.Handle, w.chips[x.life.Handle].i
		if i.State() != x.state || i.Namespace() != x.home || i.Index() != x.life.Index {
			return fmt.Errorf("%v: state %v in %q, want %v in %q", h, i.State(), i.Namespace(), x.state, x.home)
		}
		for ns := range w.m.namespaces {
			_, err := w.reg.Instance(ns, h)
			if found := x.state.Visible() && ns == x.home; found != (err == nil) {
				return fmt.Errorf("%v in %q: %v", h, ns, err)
			}
		}
		if !x.state.Visible() {
			continue
		}
		visible++
		if x.state == devlink.Failed {
			w.sum.failures++
		}
		life := snap.Life(x.home, h)
		if life == nil || *life != x.life {
			return fmt.Errorf("%v: life %v, want %v", h, life, x.life)
		}
		want := x.all()
		for o := range snap.Objects(x.home, h) {
			if len(want) == 0 || !w.same(o, want[0]) {
				return fmt.Errorf("%v: %s\nwant %d more", h, face(o), len(want))
			}
			want = want[1:]
		}
		if len(want) > 0 {
			return fmt.Errorf("%v: no %v%v", h, want[0].Kind(), want[0].Key())
		}
	}
	if snap.Len() != visible {
		return fmt.Errorf("%d instances, want %d", snap.Len(), visible)
	}
	return nil
}

// checkReaders has subscribers read, all of them in the end.
func (w *world) checkReaders(all bool) error {
	for _, r := range w.readers {
		if !all && r.slow && w.rng.IntN(400) > 0 || !all && w.rng.IntN(4) > 0 {
			continue
		}
		most := 0
		if !all && w.rng.IntN(2) == 0 {
			most = 1 + w.rng.IntN(20)
		}
		before := r.stream.Overruns()
		if err := r.stream.Read(r.sub, most); err != nil {
			return fmt.Errorf("a subscriber: %w", err)
		}
		lost := r.stream.Overruns() - before
		w.sum.overruns += lost
		if lost > 1 || lost > 0 && w.log.Len()-r.read <= w.events {
			return fmt.Errorf("%d overruns, and %d events since it read", lost, w.log.Len()-r.read)
		}
		if most == 0 {
			r.read = w.log.Len()
		}
		if most > 0 {
			continue
		}
		if err := r.stream.Compare(w.reg.Snapshot()); err != nil {
			return fmt.Errorf("a subscriber: %w", err)
		}
	}
	return nil
}

// end closes the registry: everything that can be seen goes.
func (w *world) end() error {
	w.m.events, w.m.results, w.results = nil, nil, nil
	if err := w.checkReaders(true); err != nil {
		return err
	}
	if err := w.reg.Close(); err != nil && !strings.Contains(err.Error(), errChip.Error()) {
		return err
	}
	if n := w.reg.Snapshot().Len(); n > 0 {
		return fmt.Errorf("%d instances can be seen after Close", n)
	}
	for _, e := range w.ears {
		select {
		case <-e.Done():
		default:
			return errors.New("a notifier has not ended")
		}
	}
	return w.problem
}

// same reports whether nobody can tell two objects apart.
func (w *world) same(got, want devlink.Object) bool {
	if len(w.verified) > 1<<16 {
		clear(w.verified)
	}
	text := func(o devlink.Object) string {
		s, ok := w.verified[o]
		if !ok {
			s = face(o)
			w.verified[o] = s
		}
		return s
	}
	return text(got) == text(want)
}

// face is what can be seen of an object.
func face(o devlink.Object) string {
	if _, ok := o.(*devlink.ReloadProgress); ok {
		return "reload"
	}
	var b strings.Builder
	write(&b, reflect.ValueOf(o))
	return b.String()
}

func write(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		write(b, v.Elem())
	case reflect.Struct:
		if t, ok := v.Interface().(interface{ String() string }); ok && v.Type().Name() != "Kinds" && v.NumField() > 0 && !v.Type().Field(0).IsExported() {
			b.WriteString(t.String()) // a time or a value
			return
		}
		b.WriteString(v.Type().Name() + "{")
		for n := range v.NumField() {
			if f := v.Type().Field(n); f.IsExported() && !v.Field(n).IsZero() {
				b.WriteString(f.Name + ":")
				write(b, v.Field(n))
				b.WriteByte(' ')
			}
		}
		b.WriteByte('}')
	case reflect.Slice, reflect.Array:
		for n := range v.Len() {
			write(b, v.Index(n))
			b.WriteByte(',')
		}
	default:
		fmt.Fprint(b, v.Interface())
	}
}

// newEar returns what a notifier calls: what it is told is checked as a subscription is,
// and it looks around.
func (w *world) newEar(o devlink.SubscribeOptions) func(context.Context, devlink.Event) {
	s := devlinktest.NewStream(o)
	return func(ctx context.Context, e devlink.Event) {
		if err := s.Hear(e); err != nil {
			w.fail("a notifier: %v", err)
		}
		if err := w.reg.CloseContext(ctx); !errors.Is(err, switchdev.ErrDeadlock) {
			w.fail("closed from a notifier: %v", err)
		}
		if e.Seq > w.reg.Snapshot().Seq() {
			w.fail("%v is told and cannot be seen", e)
		}
	}
}
