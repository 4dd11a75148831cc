package show_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
)

// sim is what a driver like Linux's netdevsim makes of an instance.
type sim struct {
	ports        int
	region       *devlink.Region
	blank, dummy *devlink.Reporter
	failed       error // of recoveries
}

func (*sim) Name() string { return "netdevsim" }
func (*sim) Close() error { return nil }
func (*sim) Reloads() devlink.ReloadCapabilities {
	return devlink.ReloadCapabilities{Actions: devlink.ActionsOf(devlink.ActionDriverReinit)}
}

func (s *sim) ReloadDown(ctx context.Context, l *devlink.Locked, r devlink.Reload) error {
	return s.empty(l)
}

func (s *sim) ReloadUp(ctx context.Context, l *devlink.Locked, r devlink.Reload) (devlink.ReloadActions, error) {
	for _, q := range simResources {
		if _, err := l.ResourceSize(devlink.Key{ID: q.id}); err != nil {
			return 0, err
		}
	}
	return devlink.ActionsOf(devlink.ActionDriverReinit), s.fill(l)
}

var simResources = []struct {
	id, parent uint64
	name       string
	occ        int
}{{1, 0, "IPv4", -1}, {2, 1, "fib", 3}, {3, 1, "fib-rules", 3}, {4, 0, "IPv6", -1}, {5, 4, "fib", 0}, {6, 4, "fib-rules", 2}, {7, 0, "nexthops", 0}}

var simTraps = []struct{ group, name, kind, action string }{
	{"l2_drops", "source_mac_is_multicast", "drop", "drop"}, {"l2_drops", "vlan_tag_mismatch", "drop", "drop"},
	{"l2_drops", "ingress_vlan_filter", "drop", "drop"}, {"l2_drops", "ingress_spanning_tree_filter", "drop", "drop"},
	{"l2_drops", "port_list_is_empty", "drop", "drop"}, {"l2_drops", "port_loopback_filter", "drop", "drop"},
	{"l2_drops", "fid_miss", "exception", "trap"}, {"l3_drops", "blackhole_route", "drop", "drop"},
	{"l3_exceptions", "ttl_value_is_too_small", "exception", "trap"}, {"buffer_drops", "tail_drop", "drop", "drop"},
	{"acl_drops", "ingress_flow_action_drop", "drop", "drop"}, {"acl_drops", "egress_flow_action_drop", "drop", "drop"},
	{"mc_snooping", "igmp_query", "control", "mirror"}, {"mc_snooping", "igmp_v1_report", "control", "trap"},
}

// start adds what stays over reloads.
func (s *sim) start(l *devlink.Locked) error { return errors.Join(simStays(l), s.fill(l)) }

// simStays adds the resources and parameters of a netdevsim.
func simStays(l *devlink.Locked) error {
	var errs []error
	for _, q := range simResources {
		c := devlink.ResourceConfig{ID: q.id, Parent: q.parent, Name: q.name, Size: devlink.Unlimited}
		if q.occ >= 0 {
			c.Occupancy = func() uint64 { return uint64(q.occ) }
		}
		errs = append(errs, l.AddResource(c))
	}
	errs = append(errs,
		l.AddParam(devlink.ParamConfig{Name: "max_macs", Generic: true, Type: devlink.ParamUint32, Modes: devlink.ParamDriverInit}),
		l.AddParam(devlink.ParamConfig{Name: "test1", Type: devlink.ParamBool, Modes: devlink.ParamDriverInit}),
		l.SetDriverInit(devlink.Key{Name: "max_macs"}, devlink.Uint32Value(32)),
		l.SetDriverInit(devlink.Key{Name: "test1"}, devlink.BoolValue(true)))
	return errors.Join(errs...)
}

// fill adds what does not.
func (s *sim) fill(l *devlink.Locked) error {
	var errs []error
	var err error
	s.region, err = l.AddRegion(devlink.RegionConfig{
		Name: "dummy", Size: 32768, MaxSnapshots: 16,
		Snapshot: func(context.Context, *devlink.Locked) ([]byte, error) { return make([]byte, 32768), nil },
	})
	errs = append(errs, err)
	for n := range s.ports {
		errs = append(errs, l.AddPort(devlink.PortInfo{
			Index: uint32(n), Number: uint32(n + 1), Flavour: devlink.FlavourPhysical, Type: devlink.PortEth, Netdev: fmt.Sprint("eth", n),
		}))
	}
	for id := range uint32(3) {
		errs = append(errs, l.AddPolicers(devlink.PolicerInfo{
			ID: id + 1, Rate: 1000 * uint64(id+1), Burst: 128 << id, MinRate: 1, MaxRate: 8000, MinBurst: 8, MaxBurst: 65536,
		}))
	}
	policers := map[string]uint32{"l3_drops": 1, "l3_exceptions": 1, "buffer_drops": 2, "acl_drops": 3, "mc_snooping": 3}
	var groups []string
	for _, t := range simTraps {
		if !slices.Contains(groups, t.group) {
			groups = append(groups, t.group)
			errs = append(errs, l.AddGroups(devlink.GroupInfo{Name: t.group, Generic: devlink.GenericGroup(t.group), Policer: policers[t.group]}))
		}
	}
	for _, t := range simTraps {
		errs = append(errs, s.addTrap(l, t.group, t.name, t.kind, t.action))
	}
	dump := func(ctx context.Context, l *devlink.Locked, m *devlink.Message, private any) error { return nil }
	diagnose := func(context.Context, *devlink.Locked, *devlink.Message) error { return nil }
	s.blank, err = l.AddReporter(devlink.ReporterConfig{Name: "empty", Dump: dump, Diagnose: diagnose})
	errs = append(errs, err)
	s.dummy, err = l.AddReporter(devlink.ReporterConfig{
		Name: "dummy", Dump: dump, Diagnose: diagnose, Recover: func(context.Context, *devlink.Locked, any) error { return s.failed },
	})
	return errors.Join(append(errs, err)...)
}

func (s *sim) addTrap(l *devlink.Locked, group, name, kind, action string) error {
	kinds := map[string]devlink.TrapType{"drop": devlink.TrapDrop, "exception": devlink.TrapException, "control": devlink.TrapControl}
	actions := map[string]devlink.TrapAction{"drop": devlink.ActionDrop, "trap": devlink.ActionTrap, "mirror": devlink.ActionMirror}
	info := devlink.TrapInfo{
		Name: name, Generic: devlink.GenericTrap(name), Group: group, Type: kinds[kind], Action: actions[action], Metadata: devlink.MetadataInputPort,
	}
	if group == "acl_drops" {
		info.Metadata |= devlink.MetadataFlowActionCookie
	}
	_, err := l.AddTraps(info)
	return err
}

func (s *sim) empty(l *devlink.Locked) error {
	var errs []error
	for n := s.ports; n > 0; n-- {
		errs = append(errs, l.RemovePort(uint32(n-1)))
	}
	var groups []string
	for _, t := range slices.Backward(simTraps) {
		errs = append(errs, l.RemoveTraps(t.name))
		if !slices.Contains(groups, t.group) {
			groups = append(groups, t.group)
		}
	}
	slices.Reverse(groups)
	errs = append(errs, l.RemoveGroups(groups...), l.RemovePolicers(1, 2, 3), l.RemoveRegion(s.region), l.RemoveReporter(s.dummy), l.RemoveReporter(s.blank))
	return errors.Join(errs...)
}

// bench is a registry with one such instance, registered.
type bench struct {
	t    testing.TB
	reg  *devlink.Registry
	inst *devlink.Instance
	sim  *sim
	sub  *devlink.Subscription
	ctx  context.Context

	monitor strings.Builder
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func newBench(t testing.TB, ports int) *bench {
	reg, err := devlink.New(devlink.Config{})
	b := &bench{t: t, reg: reg, sim: &sim{ports: ports}, ctx: context.Background()}
	b.must(err)
	t.Cleanup(func() { b.must(reg.Close()) })
	b.sub, err = reg.Subscribe(devlink.SubscribeOptions{Replay: true})
	b.must(err)
	b.inst, err = reg.NewInstance(devlink.InstanceConfig{Handle: devlink.Handle{Bus: "netdevsim", Device: "netdevsim1"}, Driver: b.sim})
	b.must(err)
	b.must(b.inst.Do(b.ctx, func(ctx context.Context, l *devlink.Locked) error { return b.sim.start(l) }))
	b.must(b.inst.Register(b.ctx))
	return b
}

// events are the lines of what Linux would have told since the last call.
func (b *bench) events(v show.View) (lines []string) {
	b.t.Helper()
	for {
		e, ok, err := b.sub.TryNext()
		b.must(err)
		if !ok {
			return lines
		}
		if told, ok := v.FromEvent(e); ok {
			lines = append(lines, told.String())
			b.must(show.NewMonitor(&b.monitor, show.Text).Write(told))
		}
	}
}

// shows wants the lines of a listing.
func (b *bench) shows(v show.View, s show.Section, want ...string) {
	b.t.Helper()
	var out strings.Builder
	b.must(show.Write(&out, s, show.Members, v.Rows(b.reg.Snapshot(), "", s)))
	if got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"); !slices.Equal(got, want) && (len(want) > 0 || out.Len() > 0) {
		b.t.Errorf("got\n%s\nwant\n%s", out.String(), strings.Join(want, "\n"))
	}
}

// recorded returns the nth line that Linux printed for a command.
func recorded(t testing.TB, command string, n int) string {
	t.Helper()
	for _, o := range outputs(t, linux) {
		if o.command == command {
			if n--; n < 0 {
				return strings.TrimSuffix(o.text, "\n")
			}
		}
	}
	t.Fatalf("nothing of %s", command)
	return ""
}

// The events of an instance that comes and goes are those of Linux, line by line.
func TestLifeIsToldAsLinuxTellsIt(t *testing.T) {
	all := strings.Split(told, "\n")
	last := slices.Index(all, `dev-del netdevsim/netdevsim1 {"reload_failed":false}`)
	b := newBench(t, 2)
	got := b.events(show.View{})
	b.must(b.inst.Unregister(b.ctx))
	got = append(got, b.events(show.View{})...)
	for _, want := range []string{
		"[dev,new] netdevsim/netdevsim1:\n  stats:\n      reload:\n          driver_reinit:\n            unspecified 0\n      remote_reload:\n",
		"[port,new] netdevsim/netdevsim1/0: type eth netdev eth0 flavour physical port 1 splittable false\n",
		"[trap-policer,new] netdevsim/netdevsim1: policer 1 rate 1000 burst 128\n[trap-policer,new]",
		"[trap-group,new] netdevsim/netdevsim1: name l3_drops generic true policer 1\n",
		"[region,new] netdevsim/netdevsim1/dummy: size 32768\n",
		"[param,del] netdevsim/netdevsim1: name test1 type driver-specific\n  values:\n    cmode driverinit value true\n",
	} {
		if !strings.Contains(b.monitor.String(), want) {
			t.Errorf("the monitor does not print %q but\n%s", want, b.monitor.String())
		}
	}
	if want := all[:last+1]; !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestListingsAreThoseOfLinux(t *testing.T) {
	b := newBench(t, 2)
	stats := show.View{Stats: true}
	b.shows(show.View{}, show.Devs, recorded(t, "devlink -j dev show", 0))
	b.shows(show.View{}, show.Ports, recorded(t, "devlink -j port show", 0), recorded(t, "devlink -j port show", 1))
	b.shows(show.View{}, show.Params, recorded(t, "devlink -j dev param show", 0))
	b.shows(show.View{}, show.Resources, recorded(t, "devlink -j resource show netdevsim/netdevsim1", 0))
	b.shows(show.View{}, show.Regions, recorded(t, "devlink -j region show", 0))
	b.shows(show.View{}, show.Reporters, recorded(t, "devlink -j health show", 0))
	b.shows(show.View{}, show.Policers, recorded(t, "devlink -j trap policer show", 0))
	b.shows(show.View{}, show.Rates)
	b.shows(stats, show.Devs, strings.Replace(recorded(t, "devlink -j -s dev show", 0), `"unspecified":1`, `"unspecified":0`, 1))

	b.must(b.inst.SetParam(b.ctx, devlink.Key{Name: "max_macs"}, devlink.ParamDriverInit, devlink.Uint32Value(16)))
	b.must(b.inst.SetParam(b.ctx, devlink.Key{Name: "test1"}, devlink.ParamDriverInit, devlink.BoolValue(false)))
	b.must(b.inst.SetResource(b.ctx, devlink.Key{ID: 2}, 10))
	b.shows(show.View{}, show.Params, recorded(t, "devlink -j dev param show", 1))
	b.shows(show.View{}, show.Resources, recorded(t, "devlink -j resource show netdevsim/netdevsim1", 1))
	_, err := b.inst.Reload(b.ctx, devlink.ReloadRequest{Action: devlink.ActionDriverReinit})
	b.must(err)
	b.shows(stats, show.Devs, recorded(t, "devlink -j -s dev show", 0))
	b.shows(show.View{}, show.Params, recorded(t, "devlink -j dev param show", 1))
	b.shows(show.View{}, show.Resources, recorded(t, "devlink -j resource show netdevsim/netdevsim1", 2))
}

func TestRegionsAreThoseOfLinux(t *testing.T) {
	b := newBench(t, 1)
	b.events(show.View{})
	dummy := devlink.Key{Name: "dummy"}
	for _, id := range []uint32{0, 25, 1} {
		b.must(b.inst.SubmitNewSnapshotID(dummy, id).Wait(b.ctx))
	}
	b.shows(show.View{}, show.Regions, recorded(t, "devlink -j region show", 1))
	b.must(b.inst.SubmitDeleteSnapshot(dummy, 25).Wait(b.ctx))
	b.shows(show.View{}, show.Regions, recorded(t, "devlink -j region show", 2))
	want := []string{
		`region-new netdevsim/netdevsim1 {"region":"dummy","snapshot":0}`, `region-new netdevsim/netdevsim1 {"region":"dummy","snapshot":25}`,
		`region-new netdevsim/netdevsim1 {"region":"dummy","snapshot":1}`, `region-del netdevsim/netdevsim1 {"region":"dummy","snapshot":25}`,
	}
	if got := b.events(show.View{}); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestReportersAreThoseOfLinux(t *testing.T) {
	b := newBench(t, 1)
	b.events(show.View{})
	b.sim.failed = errors.New("broken")
	err := b.sim.dummy.Report(b.ctx, "msg1", nil)
	if !errors.Is(err, b.sim.failed) {
		t.Fatal(err)
	}
	rows := slices.Collect(show.View{}.Rows(b.reg.Snapshot(), "", show.Reporters))
	r := rows[1].(*show.Reporter)
	if _, err := time.Parse(time.DateTime, r.DumpDate+" "+r.DumpTime); err != nil {
		t.Error(err)
	}
	r.DumpDate, r.DumpTime = "", "" // which no recording has
	var out strings.Builder
	b.must(show.Write(&out, show.Reporters, show.Members, slices.Values(rows[1:])))
	if want := recorded(t, "devlink -j health show netdevsim/netdevsim1 reporter dummy", 0); strings.TrimSpace(out.String()) != want {
		t.Errorf("%s, want %s", out.String(), want)
	}
	b.sim.failed = nil
	if err := b.sim.dummy.Report(b.ctx, "msg2", nil); err == nil {
		t.Error("recovered from an error in an error")
	}
	b.must(b.inst.RecoverReporter(b.ctx, devlink.Key{Name: "dummy"}))
	want := []string{
		`health-reporter-recover netdevsim/netdevsim1 {"reporter":"dummy","state":"error","error":1,"recover":0}`,
		`health-reporter-recover netdevsim/netdevsim1 {"reporter":"dummy","state":"error","error":2,"recover":0}`,
		`health-reporter-recover netdevsim/netdevsim1 {"reporter":"dummy","state":"healthy","error":2,"recover":1}`,
	}
	if got := b.events(show.View{}); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// What Linux changes in silence has no event.
func TestSilenceIsKept(t *testing.T) {
	b := newBench(t, 1)
	b.events(show.View{})
	b.must(b.inst.SetResource(b.ctx, devlink.Key{ID: 2}, 10))
	b.must(b.inst.SetReporter(b.ctx, devlink.Key{Name: "dummy"}, devlink.ReporterChange{AutoDump: new(false)}))
	if got := b.events(show.View{}); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

func TestOptionsShowMore(t *testing.T) {
	b := newBench(t, 1)
	v := show.View{Verbose: true, Stats: true, Recent: true, Count: func(l *devlink.Life, o devlink.Object) (devlink.TrapStats, bool) {
		return devlink.TrapStats{Packets: 7, Bytes: 448, Drops: 3, Counted: o.Kind() == devlink.KindPolicer}, l.Device == "netdevsim1"
	}}
	first := func(s show.Section) string {
		var out strings.Builder
		rows := slices.Collect(v.Rows(b.reg.Snapshot(), "", s))
		b.must(show.Write(&out, s, show.Text, slices.Values(rows[len(rows)-1:])))
		return out.String()
	}
	for s, want := range map[show.Section]string{
		show.Traps: `netdevsim/netdevsim1:
  name igmp_v1_report type control generic true action trap group mc_snooping
    metadata:
      input_port
    stats:
        rx:
          bytes 448 packets 7
`, show.Groups: `netdevsim/netdevsim1:
  name mc_snooping generic true policer 3
    stats:
        rx:
          bytes 448 packets 7
`, show.Policers: `netdevsim/netdevsim1:
  policer 3 rate 3000 burst 512
    stats:
        rx:
          dropped 3
`, show.Resources: `netdevsim/netdevsim1:
  name nexthops resource_path /nexthops size unlimited occ 0 unit entry size_min 0 size_max unlimited size_gran 1 dpipe_tables none
`, show.Reporters: `netdevsim/netdevsim1:
  reporter dummy
    state healthy error 0 recover 0 grace_period 0 burst_period 0 auto_recover true auto_dump true
`} {
		if got := first(s); got != want {
			t.Errorf("%v: %s", s, got)
		}
	}
	if got := first(show.Devs); !strings.HasPrefix(got, "netdevsim/netdevsim1: index 1\n  stats:\n") {
		t.Error(got)
	}
}
