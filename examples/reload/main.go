// Command reload tells the deadlock of November 2021, and how it does not happen here: a
// namespace is deleted, the network card in it is restarted for that, and an auxiliary
// driver unregisters a notifier that hears of all namespaces while everybody else goes on.
//
//	go run ./examples/reload
//
// It takes no arguments; the exit status is 2 if there are any, and 1 when something of
// the story went wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/switchcore/switchcore/devlink"
)

func main() {
	stat, err := os.Stdout.Stat()
	live := err == nil && stat.Mode()&os.ModeCharDevice != 0
	os.Exit(start(context.Background(), os.Args[1:], os.Stdout, os.Stderr, live))
}

// start is the program but for os.Exit, so that tests can call it.
func start(ctx context.Context, args []string, stdout, stderr io.Writer, live bool) int {
	flags := flag.NewFlagSet("reload", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprintln(stderr, "usage: reload, without arguments") }
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // package flag has said what is wrong
	case flags.NArg() > 0:
		flags.Usage()
		return 2
	}
	if err := run(ctx, stdout, live); err != nil {
		fmt.Fprintln(stderr, "reload:", err)
		return 1
	}
	return 0
}

const (
	others  = 7
	victim  = "0000:01:00.0"
	red     = "red"
	slow    = time.Second
	fast    = 2 * time.Millisecond
	prelude = 500 * time.Millisecond
)

// voice writes lines, with a line below them that is written again and again.
type voice struct {
	mu    sync.Mutex
	w     io.Writer
	live  bool
	began time.Time
	below string
}

func (v *voice) say(format string, a ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
	fmt.Fprintf(v.w, "%6.2fs  %s\n", time.Since(v.began).Seconds(), fmt.Sprintf(format, a...))
}

func (v *voice) show(line string) {
	if !v.live {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
	v.below = line
	fmt.Fprint(v.w, line)
}

func (v *voice) erase() {
	if v.below != "" {
		fmt.Fprint(v.w, "\r"+strings.Repeat(" ", len(v.below))+"\r")
		v.below = ""
	}
}

// run tells the story. With live it shows how far things are in between.
func run(ctx context.Context, w io.Writer, live bool) (err error) {
	r, err := devlink.New(devlink.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.AddNamespace(red); err != nil {
		return err
	}
	v := &voice{w: w, live: live, began: time.Now()}
	quiet := func(string, ...any) {}
	hero, err := newChip(ctx, r, victim, red, quiet)
	if err != nil {
		return err
	}
	hero.pause = slow
	var list []*chip
	for n := range others {
		c, err := newChip(ctx, r, fmt.Sprintf("0000:%02d:00.0", n+2), "", quiet)
		if err != nil {
			return err
		}
		c.pause = fast
		list = append(list, c)
	}
	v.say("%v is in namespace %s, %d other cards in the initial one, each with an rdma driver below", hero.inst.Handle(), red, others)

	var namespaces tally
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	failed := make(chan error, others+2)
	start := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil && !errors.Is(err, context.Canceled) {
				failed <- err
			}
		})
	}
	for _, c := range list {
		start(func() error { return c.load(ctx, r) })
	}
	start(func() error { return churn(ctx, r, &namespaces) })
	s, err := r.Subscribe(devlink.SubscribeOptions{AllNamespaces: true})
	if err != nil {
		return err
	}
	defer s.Close()
	start(func() error { return stream(ctx, s, victim, v.say) })
	wg.Go(func() { progress(ctx, v.show, v.began, hero, list, &namespaces) })

	v.say("they are reloaded, set and read all the time, and other namespaces come and go")
	if err := wait(ctx, prelude); err != nil {
		return err
	}
	if err := hero.tell(ctx, r, v); err != nil {
		return err
	}
	if err := wait(ctx, prelude); err != nil {
		return err
	}
	hero.hush(quiet)
	stop()
	wg.Wait()
	v.mu.Lock()
	v.erase()
	v.mu.Unlock()
	select {
	case err := <-failed:
		return err
	default:
	}
	table(w, list, &namespaces)
	return nil
}

// tell deletes the namespace of the card.
func (c *chip) tell(ctx context.Context, r *devlink.Registry, v *voice) error {
	c.hush(v.say)
	c.asked.Store(time.Now().UnixNano())
	v.say("namespace %s is deleted", red)
	began := time.Now()
	if err := r.DeleteNamespace(ctx, red); err != nil {
		return err
	}
	v.say("namespace %s has gone after %v; Linux would hang at the first line of rdma", red, time.Since(began).Round(10*time.Millisecond))
	if c.inst.Namespace() != "" || c.inst.State() != devlink.Registered {
		return fmt.Errorf("%v is %v in %q", c.inst.Handle(), c.inst.State(), c.inst.Namespace())
	}
	return nil
}
