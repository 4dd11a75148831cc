package devlink

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/switchcore/switchcore/switchdev"
)

// Callbacks of two registries wait for each other, through instances, a notifier and the
// deletion of a namespace.
func TestCirclesThroughAnotherRegistryAreRefused(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context, a, b *Instance, back func(context.Context) error) error{
		"instance": func(ctx context.Context, _, b *Instance, back func(context.Context) error) error {
			return b.Do(ctx, func(ctx context.Context, _ *Locked) error { return back(ctx) })
		},
		"try": func(ctx context.Context, _, b *Instance, back func(context.Context) error) error {
			_, err := b.TryDo(ctx, func(ctx context.Context, _ *Locked) error { return back(ctx) })
			return err
		},
		"deletion": func(ctx context.Context, _, b *Instance, back func(context.Context) error) error {
			b.SubmitDo(func(ctx context.Context, _ *Locked) error { return back(ctx) })
			return b.reg.DeleteNamespace(ctx, "n")
		},
		"report": func(ctx context.Context, _, b *Instance, back func(context.Context) error) error {
			var rep *Reporter
			err := b.Do(ctx, func(_ context.Context, l *Locked) (err error) {
				rep, err = l.AddReporter(ReporterConfig{Name: "fw", Recover: func(ctx context.Context, _ *Locked, _ any) error { return back(ctx) }})
				return err
			})
			if err != nil {
				return err
			}
			return rep.Report(ctx, "ill", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, q := newRegistry(t, Config{}), newRegistry(t, Config{})
				namespaces(t, q, "n")
				a, a2, b := registered(t, r, "a", ""), registered(t, r, "a2", ""), registered(t, q, "b", "n")
				refused := 0
				back := func(ctx context.Context) error {
					synctest.Wait() // it is waited for
					for _, do := range []func() error{
						func() error { return a2.Do(ctx, func(context.Context, *Locked) error { return nil }) }, // nobody's circle
						func() error {
							return a.Do(ctx, func(context.Context, *Locked) error { t.Error("carried out"); return nil })
						},
					} {
						if err := do(); err != nil {
							mustBe(t, err, switchdev.ErrDeadlock)
							refused++
						}
					}
					return nil
				}
				k := a.SubmitDo(func(ctx context.Context, _ *Locked) error { return wait(ctx, a, b, back) })
				finish(t, k)
				if refused != 1 {
					t.Errorf("%d were refused", refused)
				}
			})
		})
	}
}

// In the middle of the circle somebody waits for the end of a notifier's call.
func TestCirclesThroughANotifierOfAnotherRegistryAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, q := newRegistry(t, Config{}), newRegistry(t, Config{})
		a := registered(t, r, "a", "")
		inside, result := make(chan struct{}), make(chan error, 1)
		n := notifier(t, q, NotifyOptions{}, func(ctx context.Context, e Event) {
			close(inside)
			synctest.Wait()
			result <- a.Do(ctx, func(context.Context, *Locked) error { return nil })
		})
		finish(t, a.SubmitDo(func(ctx context.Context, _ *Locked) error {
			registered(t, q, "b", "")
			<-inside
			return n.Close(ctx)
		}))
		mustBe(t, <-result, switchdev.ErrDeadlock)
	})
}

// Many callbacks of three registries wait for one another at random: nobody hangs, and
// nobody is refused who waits for nobody's callback.
func TestWaitsAcrossRegistriesEnd(t *testing.T) {
	var list []*Instance
	for n := range 3 {
		r := newRegistry(t, Config{})
		for k := range 3 {
			list = append(list, registered(t, r, fmt.Sprintf("%d-%d", n, k), ""))
		}
	}
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(w)))
			var step func(ctx context.Context, way []int) error
			step = func(ctx context.Context, way []int) error {
				return list[way[0]].Do(ctx, func(ctx context.Context, _ *Locked) error {
					if len(way) == 1 {
						return nil
					}
					err := step(ctx, way[1:])
					if err != nil && err != switchdev.ErrDeadlock {
						t.Error(err)
					}
					return nil
				})
			}
			for range 400 {
				way := make([]int, 5)
				for n := range way {
					way[n] = rnd.IntN(len(list))
				}
				if err := step(context.Background(), way); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// Whoever waits for many that wait for many is judged at once, however many ways there are.
func TestWaysThroughTheGraphAreNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, abroad := range []bool{false, true} {
			r := newRegistry(t, Config{})
			first := newRegistry(t, Config{})
			if !abroad {
				first = r
			}
			out := make(chan struct{})
			next := func(context.Context) error { <-out; return nil }
			for layer := range 40 {
				ns := fmt.Sprint("n", layer)
				namespaces(t, r, ns)
				for k := range 2 {
					i := registered(t, r, fmt.Sprint(layer, "-", k), ns)
					wait := next
					i.SubmitDo(func(ctx context.Context, _ *Locked) error { return wait(ctx) })
				}
				synctest.Wait()
				next = r.SubmitDeleteNamespace(ns).Wait
			}
			k := registered(t, first, "first", "").SubmitDo(func(ctx context.Context, _ *Locked) error { return next(ctx) })
			synctest.Wait()
			close(out)
			finish(t, k)
		}
	})
}
