package devlink

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// chip is a driver with traps, as netdevsim has them.
type chip struct {
	failGroup, failPolicer, failCounter, failDrops bool
	failInstall                                    string
	actions                                        map[string]TrapAction
	installed, groups                              []string
	policer                                        map[string]uint32 // of groups
	drops                                          uint64
}

func newChip() *chip {
	return &chip{actions: map[string]TrapAction{}, policer: map[string]uint32{}}
}

func (*chip) Name() string { return "chip" }
func (*chip) Close() error { return nil }

// faulty is the error of a knob.
func faulty(is bool) error {
	if is {
		return &switchdev.OpError{Reason: "User setup the operation to fail for testing purposes.", Err: syscall.EINVAL}
	}
	return nil
}

func (c *chip) InstallTrap(_ context.Context, l *Locked, t *TrapInfo) error {
	if t.Name == c.failInstall {
		return syscall.EIO
	}
	c.installed = append(c.installed, t.Name)
	c.actions[t.Name] = t.Action
	return l.live("test")
}

func (c *chip) UninstallTrap(_ context.Context, _ *Locked, t *TrapInfo) {
	c.installed = slices.DeleteFunc(c.installed, func(s string) bool { return s == t.Name })
	delete(c.actions, t.Name)
}

func (c *chip) SetTrapAction(_ context.Context, l *Locked, t *TrapInfo, a TrapAction) error {
	c.actions[t.Name] = a
	return l.live("test")
}

func (c *chip) TrapDrops(context.Context, *Locked, *TrapInfo) (uint64, error) {
	c.drops++
	return c.drops, faulty(c.failDrops)
}

func (c *chip) InstallGroup(_ context.Context, _ *Locked, g *GroupInfo) error {
	c.groups = append(c.groups, g.Name)
	return nil
}

func (c *chip) SetGroupPolicer(_ context.Context, _ *Locked, g *GroupInfo, p *PolicerInfo) error {
	if err := faulty(c.failGroup); err != nil {
		return err
	}
	c.policer[g.Name] = 0
	if p != nil {
		c.policer[g.Name] = p.ID
	}
	return nil
}

func (c *chip) InstallPolicer(_ context.Context, _ *Locked, p *PolicerInfo) error {
	c.installed = append(c.installed, policerName(p.ID))
	return nil
}

func (c *chip) UninstallPolicer(_ context.Context, _ *Locked, p *PolicerInfo) {
	c.installed = slices.DeleteFunc(c.installed, func(s string) bool { return s == policerName(p.ID) })
}

func (c *chip) SetPolicer(context.Context, *Locked, *PolicerInfo, uint64, uint64) error {
	return faulty(c.failPolicer)
}

func (c *chip) PolicerDrops(context.Context, *Locked, *PolicerInfo) (uint64, error) {
	c.drops++
	return c.drops, faulty(c.failCounter)
}

var (
	chipPolicers = []PolicerInfo{{1, 1000, 128, 1, 8000, 8, 65536}, {2, 2000, 256, 1, 8000, 8, 65536}, {3, 3000, 512, 1, 8000, 8, 65536}}
	chipGroups   = []GroupInfo{
		{Name: "l2_drops", Generic: true}, {Name: "l3_drops", Generic: true, Policer: 1},
		{Name: "l3_exceptions", Generic: true, Policer: 1}, {Name: "acl_drops", Generic: true, Policer: 3},
	}
	chipTraps = []TrapInfo{
		{Name: "source_mac_is_multicast", Generic: true, Group: "l2_drops", Metadata: MetadataInputPort},
		{Name: "vlan_tag_mismatch", Generic: true, Group: "l2_drops", Metadata: MetadataInputPort},
		{Name: "fid_miss", Type: TrapException, Action: ActionTrap, Group: "l2_drops", Metadata: MetadataInputPort},
		{Name: "blackhole_route", Generic: true, Group: "l3_drops", Metadata: MetadataInputPort},
		{Name: "ttl_value_is_too_small", Type: TrapException, Generic: true, Action: ActionTrap, Group: "l3_exceptions", Metadata: MetadataInputPort},
		{Name: "ingress_flow_action_drop", Generic: true, Group: "acl_drops", Metadata: MetadataInputPort | MetadataFlowActionCookie},
		{Name: "egress_flow_action_drop", Generic: true, Group: "acl_drops", Metadata: MetadataInputPort | MetadataFlowActionCookie},
	}
)

func trapNames() (list []string) {
	for _, t := range chipTraps {
		list = append(list, t.Name)
	}
	return list
}

func withChip(t testing.TB, r *Registry) (*Instance, *chip, map[string]*Trap) {
	t.Helper()
	c := newChip()
	i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: c})
	if err != nil {
		t.Fatal(err)
	}
	traps := map[string]*Trap{}
	do(t, i, func(l *Locked) error { return addTraps(l, traps) })
	finish(t, i.SubmitRegister())
	return i, c, traps
}

func addTraps(l *Locked, traps map[string]*Trap) error {
	err := errors.Join(l.AddPolicers(chipPolicers...), l.AddGroups(chipGroups...))
	list, addErr := l.AddTraps(chipTraps...)
	for _, t := range list {
		traps[t.Name()] = t
	}
	return errors.Join(err, addErr)
}

func removeTraps(l *Locked) error {
	return errors.Join(l.RemoveTraps(trapNames()...),
		l.RemoveGroups("l2_drops", "l3_drops", "l3_exceptions", "acl_drops"), l.RemovePolicers(1, 2, 3))
}

func trapInfo(r *Registry, i *Instance, name string) *TrapInfo {
	return r.Snapshot().Object("", i.Handle(), KindTrap, Key{Name: name}).(*TrapInfo)
}

func policerInfo(r *Registry, i *Instance, id uint32) *PolicerInfo {
	return r.Snapshot().Object("", i.Handle(), KindPolicer, Key{ID: uint64(id)}).(*PolicerInfo)
}

func groupInfo(r *Registry, i *Instance, name string) *GroupInfo {
	return r.Snapshot().Object("", i.Handle(), KindGroup, Key{Name: name}).(*GroupInfo)
}

const skipping = "Cannot change action of non-drop traps. Skipping"

func TestTrapCases(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, c, traps := withChip(t, r)
		s := subscribe(t, r, SubscribeOptions{})
		kernel := subscribe(t, r, SubscribeOptions{CompatKernel: true})
		stats := func(name string) (TrapStats, error) {
			k := i.SubmitTrapStats(name)
			err := outcome(k.Ticket)
			return k.Stats(), err
		}
		t.Run("case 78 set every trap", func(t *testing.T) {
			for _, a := range []TrapAction{ActionTrap, ActionMirror, ActionDrop} {
				for _, was := range chipTraps {
					k := i.SubmitSetTrap(was.Name, a)
					finish(t, k.Ticket)
					want, warning := a, ""
					if was.Type != TrapDrop {
						if want = was.Action; want != a {
							warning = skipping
						}
					}
					n := trapInfo(r, i, was.Name)
					if n.Action != want || traps[was.Name].Action() != want || c.actions[was.Name] != want || k.Warning() != warning {
						t.Fatalf("%s to %v: %v, %q", was.Name, a, n.Action, k.Warning())
					}
				}
			}
			if e := rest(t, s); len(e) != 15 || !e[0].Marks.Has(Silent) || e[0].Verb != Changed {
				t.Fatalf("told %v", e)
			}
		})
		t.Run("case 79 metadata", func(t *testing.T) {
			for _, was := range chipTraps {
				n := trapInfo(r, i, was.Name)
				cookie := was.Group == "acl_drops"
				if n.Metadata&MetadataInputPort == 0 || n.Metadata&MetadataFlowActionCookie != 0 != cookie {
					t.Fatalf("%+v", n)
				}
			}
		})
		t.Run("case 80 unknown", func(t *testing.T) {
			denied(t, outcome(i.SubmitSetTrap("nosuch", ActionTrap).Ticket), syscall.ENOENT, "Device did not register this trap")
			denied(t, outcome(i.SubmitSetTrap("fid_miss", 3).Ticket), syscall.EINVAL, "Invalid trap action")
			denied(t, outcome(i.SubmitSetGroup("nosuch", GroupChange{}).Ticket), syscall.ENOENT, "Device did not register this trap group")
			denied(t, outcome(i.SubmitSetGroup("l2_drops", GroupChange{Action: new(TrapAction(9))}).Ticket), syscall.EINVAL, "Invalid trap action")
			_, err := stats("nosuch")
			denied(t, err, syscall.ENOENT, "Device did not register this trap")
			_, err = i.GroupStats("nosuch")
			denied(t, err, syscall.ENOENT, "Device did not register this trap group")
			denied(t, outcome(i.SubmitPolicerStats(9).Ticket), syscall.ENOENT, "Device did not register this trap policer")
		})
		t.Run("case 81 statistics", func(t *testing.T) {
			const name = "blackhole_route"
			idle, err := stats(name)
			if err != nil || idle.Packets != 0 || !idle.Counted {
				t.Fatalf("%+v, %v", idle, err)
			}
			for range 3 {
				traps[name].Report(100)
			}
			traps[name].ReportBatch(2, 1)
			got, err := stats(name)
			if err != nil || got.Packets != 5 || got.Bytes != 301 || got.Drops <= idle.Drops {
				t.Fatalf("%+v, %v", got, err)
			}
			traps[name].ReportBatch(0, 7)
			traps[name].ReportBatch(-1, 7)
			traps[name].Report(-7)
			if got, _ := stats(name); got.Packets != 6 || got.Bytes != 301 {
				t.Fatalf("%+v", got)
			}
			c.failDrops = true
			got, err = stats(name)
			denied(t, err, syscall.EINVAL, "User setup the operation to fail for testing purposes.")
			if got != (TrapStats{}) {
				t.Fatal("statistics with an error")
			}
			c.failDrops = false
			if g, err := i.GroupStats("l3_drops"); err != nil || g.Packets != 6 || g.Bytes != 301 || g.Counted {
				t.Fatalf("%+v %v", g, err)
			}
		})
		t.Run("case 82 group action", func(t *testing.T) {
			for _, a := range []TrapAction{ActionTrap, ActionDrop} {
				k := i.SubmitSetGroup("l2_drops", GroupChange{Action: &a})
				finish(t, k.Ticket)
				if (k.Warning() == skipping) != (a != ActionTrap) {
					t.Fatal(k.Warning())
				}
				for _, was := range chipTraps {
					want := was.Action
					if was.Group == "l2_drops" && was.Type == TrapDrop {
						want = a
					}
					if n := trapInfo(r, i, was.Name); n.Action != want {
						t.Fatalf("%s: %v, want %v", was.Name, n.Action, want)
					}
				}
			}
		})
		t.Run("case 83 policers", func(t *testing.T) {
			set := func(id uint32, rate, burst *uint64) error {
				return outcome(i.SubmitSetPolicer(id, PolicerChange{rate, burst}))
			}
			n := func(v uint64) *uint64 { return &v }
			denied(t, set(1337, n(100), nil), syscall.ENOENT, "Device did not register this trap policer")
			if err := set(1, n(2000), n(16)); err != nil {
				t.Fatal(err)
			}
			denied(t, set(1, n(0), nil), syscall.EINVAL, "Policer rate lower than limit")
			denied(t, set(1, n(9000), nil), syscall.EINVAL, "Policer rate higher than limit")
			denied(t, set(1, nil, n(2)), syscall.EINVAL, "Policer burst size lower than limit")
			denied(t, set(1, nil, n(65537)), syscall.EINVAL, "Policer burst size higher than limit")
			c.failPolicer = true
			denied(t, set(1, n(3000), nil), syscall.EINVAL, "User setup the operation to fail for testing purposes.")
			c.failPolicer = false
			if p := policerInfo(r, i, 1); p.Rate != 2000 || p.Burst != 16 {
				t.Fatalf("%+v", p)
			}
			one, two := i.SubmitPolicerStats(3), i.SubmitPolicerStats(3)
			finish(t, one.Ticket)
			finish(t, two.Ticket)
			if a, b := one.Stats(), two.Stats(); !a.Counted || b.Drops <= a.Drops {
				t.Fatalf("%+v %+v", a, b)
			}
			c.failCounter = true
			denied(t, outcome(i.SubmitPolicerStats(3).Ticket), syscall.EINVAL, "User setup the operation to fail for testing purposes.")
		})
		t.Run("case 84 binding", func(t *testing.T) {
			bind := func(id uint32) error {
				return outcome(i.SubmitSetGroup("l2_drops", GroupChange{Policer: &id}).Ticket)
			}
			bound := func(want uint32) {
				t.Helper()
				if g := groupInfo(r, i, "l2_drops"); g.Policer != want || c.policer["l2_drops"] != want {
					t.Fatalf("%+v, driver %v", g, c.policer)
				}
			}
			if err := bind(1); err != nil {
				t.Fatal(err)
			}
			bound(1)
			denied(t, bind(1337), syscall.ENOENT, "Device did not register this trap policer")
			bound(1)
			if err := bind(0); err != nil {
				t.Fatal(err)
			}
			bound(0)
			c.failGroup = true
			denied(t, bind(2), syscall.EINVAL, "User setup the operation to fail for testing purposes.")
			bound(0)
			c.failGroup = false
			err := outcome(i.SubmitSetGroup("l2_drops", GroupChange{Action: new(ActionTrap), Policer: new(uint32(1337))}).Ticket)
			denied(t, err, syscall.ENOENT, "Trap group set failed, but some changes were committed already")
			if n := trapInfo(r, i, "vlan_tag_mismatch"); n.Action != ActionTrap {
				t.Fatal("not committed")
			}
		})
		if got := rest(t, kernel); len(got) != 0 {
			t.Fatalf("Linux would have told %v", got)
		}
	})
}

func TestTrapsComeAndGo(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		all := subscribe(t, r, SubscribeOptions{CompatKernel: true})
		i, c, _ := withChip(t, r)
		rest(t, all)
		finish(t, i.SubmitSetTrap("source_mac_is_multicast", ActionTrap).Ticket)
		t.Run("case 85 again and again", func(t *testing.T) {
			for range 10 {
				old := map[string]*Trap{}
				do(t, i, func(l *Locked) error {
					for _, was := range chipTraps {
						old[was.Name] = l.Trap(was.Name)
					}
					return removeTraps(l)
				})
				for name, was := range old {
					before := was.done.Load()
					if was.Report(1) || was.ReportBatch(3, 3) || was.ReportBatch(0, 0) || was.done.Load() != before || was.Action() != ActionDrop {
						t.Fatalf("%s still counts", name)
					}
				}
				if len(c.installed) != 0 {
					t.Fatalf("left %v", c.installed)
				}
				var want []string
				list := rest(t, all)
				for _, was := range slices.Backward(chipTraps) {
					want = append(want, "deleted trap a "+was.Name)
				}
				for _, was := range slices.Backward(chipGroups) {
					want = append(want, "deleted trap-group a "+was.Name)
				}
				want = append(want, "deleted trap-policer a 3", "deleted trap-policer a 2", "deleted trap-policer a 1")
				same(t, texts(list), want)
				for _, e := range list[:len(chipTraps)] {
					if n := e.Object.(*TrapInfo); n.Action != ActionDrop {
						t.Fatalf("%s went with %v", n.Name, n.Action)
					}
				}
				fresh := map[string]*Trap{}
				do(t, i, func(l *Locked) error { return addTraps(l, fresh) })
				if got := texts(rest(t, all)); len(got) != len(want) || got[0] != "added trap-policer a 1" || got[len(got)-1] != "added trap a egress_flow_action_drop" {
					t.Fatal(got)
				}
				if !fresh["fid_miss"].Report(5) {
					t.Fatal("does not count")
				}
			}
		})
		// An unregistration tells of the actions as they are.
		finish(t, i.SubmitUnregister())
		for _, e := range rest(t, all) {
			if n, ok := e.Object.(*TrapInfo); ok && (n.Action == ActionTrap) != (n.Type == TrapException) {
				t.Fatalf("%+v", n)
			}
		}
		for _, err := range []error{outcome(i.SubmitSetTrap("fid_miss", ActionDrop).Ticket), outcome(i.SubmitSetPolicer(1, PolicerChange{})),
			outcome(i.SubmitSetGroup("l2_drops", GroupChange{}).Ticket), outcome(i.SubmitTrapStats("fid_miss").Ticket)} {
			denied(t, err, syscall.ENODEV, "")
		}
		do(t, i, removeTraps)
	})
}

func TestTrapsAreAddedAllOrNone(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, c, _ := withChip(t, r)
		s := subscribe(t, r, SubscribeOptions{})
		had := slices.Clone(c.installed)
		c.groups = nil
		driver := TrapInfo{Name: "own", Group: "l2_drops"}
		with := func(change func(*TrapInfo)) TrapInfo { t := driver; change(&t); return t }
		do(t, i, func(l *Locked) error {
			for _, test := range []struct {
				bad   TrapInfo
				errno syscall.Errno
				text  string
			}{
				{driver, syscall.EEXIST, ""}, // twice
				{chipTraps[0], syscall.EEXIST, ""},
				{with(func(t *TrapInfo) { t.Name = "" }), syscall.EINVAL, "bad name"},
				{with(func(t *TrapInfo) { t.Generic = true }), syscall.EINVAL, "no generic trap has this name"},
				{with(func(t *TrapInfo) { t.Name = "tail_drop" }), syscall.EEXIST, "a generic trap has this name"},
				{with(func(t *TrapInfo) { t.Name, t.Generic, t.Type = "tail_drop", true, TrapControl }), syscall.EINVAL, "the generic trap has another type"},
				{with(func(t *TrapInfo) { t.Name, t.Generic = "ttl_value_is_too_small", true }), syscall.EINVAL, "the generic trap has another type"},
				{with(func(t *TrapInfo) { t.Group = "none" }), syscall.EINVAL, "no such group"},
				{with(func(t *TrapInfo) { t.Type = 3 }), syscall.EINVAL, "no such type"},
				{with(func(t *TrapInfo) { t.Action = 3 }), syscall.EINVAL, "Invalid trap action"},
				{with(func(t *TrapInfo) { t.Name, c.failInstall = "hard", "hard" }), syscall.EIO, ""},
			} {
				_, err := l.AddTraps(driver, test.bad)
				denied(t, err, test.errno, test.text)
			}
			denied(t, l.AddGroups(GroupInfo{Name: "own"}, chipGroups[0]), syscall.EEXIST, "")
			denied(t, l.AddGroups(GroupInfo{Name: "own", Policer: 8}), syscall.EINVAL, "no such policer")
			denied(t, l.AddGroups(GroupInfo{Name: "own", Generic: true}), syscall.EINVAL, "no generic group has this name")
			denied(t, l.AddGroups(GroupInfo{Name: "stp"}), syscall.EEXIST, "a generic group has this name")
			denied(t, l.AddPolicers(PolicerInfo{ID: 7}, chipPolicers[0]), syscall.EEXIST, "")
			denied(t, l.AddPolicers(PolicerInfo{}), syscall.EINVAL, "no number")
			denied(t, l.AddPolicers(PolicerInfo{ID: 7, Rate: 1}), syscall.EINVAL, "Policer rate higher than limit")
			denied(t, l.RemoveTraps("fid_miss", "nosuch"), syscall.ENOENT, "")
			denied(t, l.RemoveTraps("fid_miss", "fid_miss"), syscall.ENOENT, "")
			denied(t, l.RemoveGroups("l2_drops"), syscall.EBUSY, "has traps")
			denied(t, l.RemoveGroups("nosuch"), syscall.ENOENT, "")
			denied(t, l.RemovePolicers(2, 1), syscall.EBUSY, "a group is bound to it")
			denied(t, l.RemovePolicers(9), syscall.ENOENT, "")
			for _, err := range []error{l.RemovePolicers(0), l.RemoveGroups(""), l.RemoveTraps("")} {
				denied(t, err, syscall.ENOENT, "")
			}
			return nil
		})
		if e := rest(t, s); len(e) != 0 || !slices.Equal(had, c.installed) || len(c.groups) != 0 {
			t.Fatalf("told %v, installed %v and %v, had %v", e, c.installed, c.groups, had)
		}
	})
}

// A group counts for traps that have been removed, exactly.
func TestGroupRemembersWhatRemovedTrapsCounted(t *testing.T) {
	r := newRegistry(t, Config{})
	i, _, traps := withChip(t, r)
	own := TrapInfo{Name: "own", Group: "l3_drops"}
	var reported atomic.Uint64
	var current atomic.Pointer[Trap]
	add := func(l *Locked) error {
		list, err := l.AddTraps(own)
		if err == nil {
			current.Store(list[0])
		}
		return err
	}
	do(t, i, add)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				if current.Load().ReportBatch(2, 14) {
					reported.Add(2)
				}
			}
		})
	}
	for range 50 {
		if current.Load().ReportBatch(2, 14) {
			reported.Add(2)
		}
		do(t, i, func(l *Locked) error { return errors.Join(l.RemoveTraps("own"), add(l)) })
	}
	stop.Store(true)
	wg.Wait()
	traps["blackhole_route"].Report(7)
	g, err := i.GroupStats("l3_drops")
	if err != nil || g.Packets != reported.Load()+1 || g.Bytes != 7*g.Packets {
		t.Fatalf("%+v, reported %d, %v", g, reported.Load(), err)
	}
}

// roleless is a driver that can do nothing about traps.
type roleless struct{}

func (roleless) Name() string { return "roleless" }
func (roleless) Close() error { return nil }

// grouped does groups at once.
type grouped struct {
	roleless
	calls int
}

func (g *grouped) SetGroupAction(context.Context, *Locked, *GroupInfo, TrapAction) error {
	g.calls++
	return nil
}

func TestDriversWithoutRoles(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		for n, driver := range []switchdev.Driver{nil, roleless{}, &grouped{}} {
			i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", strconv.Itoa(n)}, Driver: driver})
			if err != nil {
				t.Fatal(err)
			}
			finish(t, i.SubmitRegister())
			one, id := ActionTrap, uint32(1)
			for range 2 {
				for _, err := range []error{ // first because there are none, then because nobody can
					outcome(i.SubmitSetTrap("blackhole_route", one).Ticket), outcome(i.SubmitSetPolicer(1, PolicerChange{})),
					outcome(i.SubmitSetGroup("l3_drops", GroupChange{Policer: &id}).Ticket),
				} {
					denied(t, err, syscall.EOPNOTSUPP, "")
				}
				do(t, i, func(l *Locked) error {
					if l.Trap("fid_miss") != nil {
						return nil
					}
					return addTraps(l, map[string]*Trap{})
				})
			}
			k := i.SubmitSetGroup("l3_exceptions", GroupChange{Action: new(ActionDrop)})
			finish(t, k.Ticket)
			if _, all := driver.(*grouped); (k.Warning() == "") != all {
				t.Fatal(k.Warning())
			}
			err = outcome(i.SubmitSetGroup("l3_drops", GroupChange{Action: &one}).Ticket)
			if g, ok := driver.(*grouped); ok {
				n := trapInfo(r, i, "blackhole_route")
				exception := trapInfo(r, i, "ttl_value_is_too_small")
				if err != nil || g.calls != 2 || n.Action != ActionTrap || exception.Action != ActionTrap {
					t.Fatalf("%v, %d, %+v", err, g.calls, n)
				}
			} else {
				denied(t, err, syscall.EOPNOTSUPP, "")
			}
			stats, drops := i.SubmitTrapStats("fid_miss"), i.SubmitPolicerStats(1)
			finish(t, stats.Ticket)
			finish(t, drops.Ticket)
			if stats.Stats().Counted || drops.Stats().Counted {
				t.Fatal("counted by nobody")
			}
			do(t, i, removeTraps)
		}
	})
}

// Traps are set, removed and reported from everywhere; nobody hears of one after its end.
func TestTrapEventsUnderStress(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{Events: 1 << 16})
	i, _, traps := withChip(t, r)
	s := subscribe(t, r, SubscribeOptions{Replay: true})
	var wg sync.WaitGroup
	for n := range uint64(3) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(n, 5))
			for range 200 {
				a := TrapAction(random.IntN(3))
				switch random.IntN(4) {
				case 0:
					_ = i.Do(ctx, func(_ context.Context, l *Locked) error {
						return errors.Join(removeTraps(l), addTraps(l, map[string]*Trap{}))
					})
				case 1:
					_, _ = i.SetTrap(ctx, chipTraps[random.IntN(len(chipTraps))].Name, a)
				case 2:
					_, _ = i.SetGroup(ctx, "acl_drops", GroupChange{Action: &a, Policer: new(random.Uint32N(4))})
				case 3:
					traps["fid_miss"].Report(1)
				}
			}
		})
	}
	wg.Wait()
	model := map[Kind]map[Key]Object{}
	for _, e := range rest(t, s) {
		if e.Object == nil || e.Object.Kind() == KindInstance {
			continue
		}
		k, key := e.Object.Kind(), e.Object.Key()
		if model[k] == nil {
			model[k] = map[Key]Object{}
		}
		if was := model[k][key]; (was == nil) != (e.Verb == Added || e.Verb == Existing) || e.Verb == Deleted && was != e.Object {
			t.Fatalf("%v, was %v", e, was)
		}
		model[k][key] = e.Object
		if e.Verb == Deleted {
			delete(model[k], key)
		}
	}
	for o := range r.Snapshot().Objects("", i.Handle()) {
		if k := o.Kind(); k != KindInstance && model[k][o.Key()] != o {
			t.Fatalf("%v %v: told %+v, is %+v", k, o.Key(), model[k][o.Key()], o)
		}
	}
}

func TestTrapTexts(t *testing.T) {
	for got, want := range map[string]string{
		TrapDrop.String() + TrapException.String() + TrapControl.String() + TrapType(9).String():   "dropexceptioncontrol?",
		ActionDrop.String() + ActionTrap.String() + ActionMirror.String() + TrapAction(9).String(): "droptrapmirror?",
		Healthy.String() + InError.String() + HealthState(9).String():                              "healthyerrorstate?",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A removal waits for who is counting: one that has begun is counted completely.
func TestTrapRemovalWaitsForReports(t *testing.T) {
	trap := &Trap{name: "x"}
	trap.begun.Add(1) // a report begins
	var over atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		trap.quiesce()
		over.Store(true)
	}()
	for trap.begun.Load()&trapGone == 0 {
		runtime.Gosched()
	}
	for range 10000 {
		runtime.Gosched()
		if over.Load() {
			t.Fatal("did not wait")
		}
	}
	trap.done.Add(1) // and ends
	<-done
	if trap.Report(1) {
		t.Fatal("counts")
	}
}
