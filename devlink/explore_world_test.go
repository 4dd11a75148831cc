package devlink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing/synctest"

	"github.com/switchcore/switchcore/switchdev"
)

// world is a registry under the explorer: two instances with drivers that can be
// reloaded, both in the namespace n1, of which a has an auxiliary driver with a notifier
// that hears everything and an instance nested in a port; and c is that instance.
// Everything that is not memory work stops at a place, and goes on when told so. So
// between two steps nothing moves, and what each instance is at is known.
type world struct {
	r       *Registry
	a, b    *Instance
	aux     *worldAux
	tickets map[string]*Ticket
	sub     *Subscription
	check   *streamCheck
	rows    map[uint8]bool // of the table, that were gone through

	mu     sync.Mutex
	free   bool // nothing stops any more
	parked map[string]*parking
	where  map[string]string // what each goroutine waits for that has not stopped
	told   int               // how often the notifier may still stop
	broken []string
}

// parking is a place where a goroutine has stopped, and how it may go on.
type parking struct {
	outcomes []string
	go_      chan string
}

func newWorld(p *program) *world {
	w := &world{parked: map[string]*parking{}, where: map[string]string{}, tickets: map[string]*Ticket{}, rows: map[uint8]bool{}, told: p.told, free: true}
	var err error
	if w.r, err = New(Config{Events: 1 << 10}); err != nil {
		panic(err)
	}
	w.must(w.r.AddNamespace("n1"))
	w.sub, err = w.r.Subscribe(SubscribeOptions{AllNamespaces: true})
	w.must(err)
	w.check = newStreamCheck()
	w.a = w.instance("a", true, p)
	w.b = w.instance("b", p.restartB, p)
	w.aux = &worldAux{w: w}
	w.must(w.a.Do(context.Background(), func(ctx context.Context, l *Locked) error { return l.AddAuxiliary(w.aux) }))
	w.must(errors.Join(w.a.Register(context.Background()), w.b.Register(context.Background())))
	synctest.Wait()
	w.mu.Lock()
	w.free = false
	w.mu.Unlock()
	return w
}

func (w *world) must(err error) {
	if err != nil {
		w.fail("%v", err)
	}
}

func (w *world) fail(format string, a ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, fmt.Sprintf(format, a...))
}

func (w *world) instance(name string, restarts bool, p *program) *Instance {
	d := &worldDriver{w: w, name: name, restarts: restarts, outcomes: p.outcomes[name], leaks: p.leaks}
	i, err := w.r.NewInstance(InstanceConfig{Handle: Handle{"test", name}, Namespace: "n1", Driver: d})
	w.must(err)
	i.able.trace = func(i *Instance, s State, on trigger) {
		w.mu.Lock()
		w.rows[machine[s][on].row] = true
		w.mu.Unlock()
	}
	if p.fine {
		i.able.pause = func(i *Instance, at string) { w.park(name + "@" + at) }
	}
	w.must(i.Do(context.Background(), func(_ context.Context, l *Locked) error {
		err := l.AddParam(ParamConfig{Name: "test1", Type: ParamBool, Modes: ParamDriverInit})
		var bad error
		d.reporter, bad = l.AddReporter(ReporterConfig{Name: "fw", Recover: d.recover})
		return errors.Join(err, bad, l.SetDriverInit(Key{Name: "test1"}, BoolValue(false)), d.fill(l))
	}))
	return i
}

// park stops the goroutine at a place, until it is told how to go on.
func (w *world) park(place string, outcomes ...string) string {
	w.mu.Lock()
	if w.free {
		w.mu.Unlock()
		return "ok"
	}
	p := &parking{append([]string{"ok"}, outcomes...), make(chan string)}
	if w.parked[place] != nil {
		w.broken = append(w.broken, "two are at "+place)
	}
	w.parked[place] = p
	w.mu.Unlock()
	return <-p.go_
}

// at notes what a goroutine is about to wait for.
func (w *world) at(who, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.where[who] = what
}

// release lets a goroutine go on.
func (w *world) release(place, outcome string) {
	w.mu.Lock()
	p := w.parked[place]
	delete(w.parked, place)
	w.mu.Unlock()
	p.go_ <- outcome
}

// settle waits until nothing moves, and checks what was told.
func (w *world) settle() {
	synctest.Wait()
	for {
		e, ok, err := w.sub.TryNext()
		if err != nil || !ok {
			w.must(err)
			break
		}
		w.must(w.check.event(&e))
	}
	w.must(w.check.equal(w.r.Snapshot()))
	for _, i := range []*Instance{w.a, w.b} { // reads are served in every state
		i.mu.Lock()
		s, row := i.state, machine[i.state][onGet].row
		i.mu.Unlock()
		_, err := w.r.Instance(i.Namespace(), i.handle)
		if found := err == nil; found != s.Visible() && !w.dying(i.Namespace()) {
			w.fail("%v in state %v: found=%v", i.handle, s, found)
		}
		w.rows[row] = true
	}
}

func (w *world) dying(namespace string) bool {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	return !w.r.live(namespace)
}

// end lets everything run to its end, and closes the registry.
func (w *world) end() {
	w.mu.Lock()
	w.free = true
	left := w.parked
	w.parked = map[string]*parking{}
	w.mu.Unlock()
	for _, p := range left {
		p.go_ <- "ok"
	}
	synctest.Wait()
	w.r.Close()
	w.sub.Close()
}

// state is everything that decides what can happen from here.
func (w *world) state() string {
	var s strings.Builder
	for _, i := range []*Instance{w.a, w.b, w.aux.child} {
		if i != nil {
			i.print(&s)
		}
	}
	w.mu.Lock()
	fmt.Fprint(&s, slices.Sorted(maps.Keys(w.parked)), w.where, w.told, w.a.driver.(*worldDriver).value)
	w.mu.Unlock()
	w.r.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(w.r.namespaces)) {
		ns := w.r.namespaces[name]
		fmt.Fprint(&s, name, ns.dying, len(ns.members))
	}
	w.r.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(w.tickets)) {
		fmt.Fprint(&s, " ", name, w.tickets[name].ended())
	}
	if n := w.aux.notifier; n != nil {
		fmt.Fprint(&s, " n", min(n.state.Load(), notifierBusy), n.stop.Load())
	}
	return s.String()
}

func (i *Instance) print(s *strings.Builder) {
	i.mu.Lock()
	fmt.Fprint(s, i.handle.Device, i.state, i.namespace, i.down, i.meddled, i.info.ReloadFailed, i.nested != nil, len(i.info.Nested))
	for _, list := range i.objs {
		for _, o := range list {
			fmt.Fprint(s, " ", o.Kind(), o.Key().suffix())
			if p, ok := o.(*ParamInfo); ok {
				v, _ := p.Setting(ParamDriverInit)
				fmt.Fprint(s, v.Current, v.Value)
			}
			if n, ok := o.(*ReporterInfo); ok {
				fmt.Fprint(s, n.State, n.Errors)
			}
		}
	}
	for _, x := range i.aux {
		fmt.Fprint(s, x.probed, x.busy)
	}
	i.mu.Unlock()
	i.slot.mu.Lock()
	if i.slot.running != nil {
		fmt.Fprint(s, " runs ", i.slot.running.what)
	}
	for _, o := range i.slot.ops {
		fmt.Fprint(s, " waits ", o.what)
	}
	i.slot.mu.Unlock()
	s.WriteString("; ")
}

// worldDriver is the driver of a or b.
type worldDriver struct {
	w        *world
	name     string
	restarts bool
	leaks    bool
	reporter *Reporter
	bare     bool // has been removed
	outcomes map[string][]string
	value    bool // of the parameter, with which it came up
}

func (d *worldDriver) Name() string { return d.name }
func (d *worldDriver) Close() error { return nil }
func (d *worldDriver) Reloads() ReloadCapabilities {
	return ReloadCapabilities{Actions: ActionsOf(ActionDriverReinit)}
}
func (d *worldDriver) RestartsToMove() bool { return d.restarts }

func (d *worldDriver) fill(l *Locked) error {
	return errors.Join(put(l, newThing(KindPolicer, "pol", 0)), l.AddPort(PortInfo{Index: 0}), l.AddPort(PortInfo{Index: 1}))
}

// recover recovers from what a worker has reported, which waits for the end of a reload.
func (d *worldDriver) recover(_ context.Context, l *Locked, _ any) error {
	s := l.Instance().State()
	d.w.mu.Lock()
	d.w.rows[machine[s][onDevice].row] = true
	d.w.mu.Unlock()
	if s != Registered && s != Allocated {
		d.w.fail("%s: recovers in state %v", d.name, s)
	}
	d.w.park(d.name + " recover")
	return nil
}

func (d *worldDriver) param(i *Instance) ParamSetting {
	p, _ := i.object(KindParam, Key{Name: "test1"}).(*ParamInfo)
	if p == nil { // freed
		return ParamSetting{}
	}
	s, _ := p.Setting(ParamDriverInit)
	return s
}

func (d *worldDriver) empty(l *Locked) {
	l.RemovePort(1)
	l.RemovePort(0)
	drop(l, newThing(KindPolicer, "pol", 0))
}

// inside does what callbacks must not be able to hang with.
func (d *worldDriver) inside(ctx context.Context, l *Locked, s State) {
	if err := l.Instance().Unregister(ctx); !errors.Is(err, switchdev.ErrDeadlock) {
		d.w.fail("%s: unregister inside: %v", d.name, err)
	}
	if got := l.Instance().State(); got != s {
		d.w.fail("%s: state %v in a callback of %v", d.name, got, s)
	}
	if d.name == "a" && d.w.aux.up {
		d.w.fail("%s: the auxiliary driver is there in %v", d.name, s)
	}
	d.w.mu.Lock()
	d.w.rows[machine[s][onUnregisterInside].row] = true
	d.w.mu.Unlock()
}

func (d *worldDriver) ReloadDown(ctx context.Context, l *Locked, r Reload) error {
	d.inside(ctx, l, GoingDown)
	outcome := d.w.park(d.name+" down", d.outcomes["down"]...)
	if outcome == "refuse" {
		return switchdev.ErrUnsupported
	}
	if err := l.RemovePort(1); err != nil && len(l.inst.objs[KindPort]) > 0 { // none if it was registered again
		d.w.fail("%s: down: %v", d.name, err)
	}
	switch outcome {
	case "torn":
		return TornDown(switchdev.ErrOutcomeUnknown)
	case "panic":
		panic("down")
	}
	if !d.leaks {
		d.empty(l)
	}
	return nil
}

func (d *worldDriver) ReloadUp(ctx context.Context, l *Locked, r Reload) (ReloadActions, error) {
	d.inside(ctx, l, ComingUp)
	for o := range l.inst.view().all() {
		if fleeting(o.Kind()) {
			d.w.fail("%s: %v is there when the driver comes up", d.name, o.Kind())
		}
	}
	if ns := l.Instance().Namespace(); ns != r.Namespace {
		d.w.fail("%s: comes up for %q in %q", d.name, r.Namespace, ns)
	}
	if err := put(l, newThing(KindRegion, "reg", 0)); err != nil {
		d.w.fail("%v", err)
	}
	if p := d.param(l.inst); p.Pending() {
		d.w.fail("%s: comes up and the value waits", d.name)
	}
	outcome := d.w.park(d.name+" up", d.outcomes["up"]...)
	drop(l, newThing(KindRegion, "reg", 0))
	d.fill(l)
	switch outcome {
	case "fail":
		return 0, switchdev.ErrOutcomeUnknown
	case "short":
		d.value = d.param(l.inst).Current.Bool()
		return 0, nil
	case "panic":
		panic("up")
	}
	d.value = d.param(l.inst).Current.Bool()
	return ActionsOf(r.Action), nil
}

func (d *worldDriver) Remove(ctx context.Context, l *Locked, alreadyDown bool) error {
	d.w.park(d.name + " remove")
	if had := len(l.inst.objs[KindPort]) > 0; had == alreadyDown && !d.bare {
		d.w.fail("%s: already down=%v, ports=%v", d.name, alreadyDown, had)
	}
	d.empty(l)
	d.bare = true
	return nil
}

// worldAux is the auxiliary driver of a.
type worldAux struct {
	w        *world
	notifier *Notifier
	child    *Instance
	up       bool
	token    *Locked // of a callback that has returned
}

func (x *worldAux) Name() string { return "x" }

func (x *worldAux) Probe(ctx context.Context, l *Locked) (err error) {
	w := x.w
	w.park("x probe")
	if x.up {
		w.fail("probed twice")
	}
	x.notifier, err = w.r.Notify(NotifyOptions{SubscribeOptions: SubscribeOptions{AllNamespaces: true, Filter: Filter{Kinds: KindsOf(KindInstance)}}}, x.tell)
	if err != nil {
		return err
	}
	c := InstanceConfig{Handle: Handle{"test", "c"}, Namespace: l.Instance().Namespace()}
	if x.child, err = w.r.NewInstance(c); errors.Is(err, switchdev.ErrNotExist) { // it dies
		c.Namespace = ""
		x.child, err = w.r.NewInstance(c)
	}
	if err != nil {
		return err
	}
	w.at("x", "register")
	nest := func(c *Instance) error { return l.NestInPort(0, c) }
	if len(l.inst.objs[KindPort]) == 0 { // registered again
		nest = l.Nest
	}
	err = errors.Join(nest(x.child), x.child.Register(ctx), put(l, newThing(KindTrap, "x", 0)))
	w.at("x", "")
	x.up, x.token = err == nil, l
	w.must(err)
	return err
}

func (x *worldAux) tell(_ context.Context, e Event) {
	if e.Life.Device != "b" || e.Verb == Status {
		return
	}
	x.w.mu.Lock()
	stop := x.w.told > 0 && !x.w.free
	if stop {
		x.w.told--
	}
	x.w.mu.Unlock()
	if stop {
		x.w.park("notifier")
	}
}

func (x *worldAux) Remove(ctx context.Context, l *Locked) {
	w := x.w
	w.park("x remove")
	if !x.up {
		w.fail("removed and not there")
	}
	if err := put(x.token, newThing(KindTrap, "stale", 0)); !errors.Is(err, switchdev.ErrClosed) {
		w.fail("a token works after its callback: %v", err)
	}
	x.up = false
	w.at("x", "notifier")
	err := x.notifier.Close(ctx)
	w.at("x", "child")
	w.must(errors.Join(err, x.child.Unregister(ctx), x.child.Free(ctx), drop(l, newThing(KindTrap, "x", 0))))
	w.at("x", "")
}
