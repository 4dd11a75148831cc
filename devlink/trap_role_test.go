package devlink

import (
	"context"
	"slices"
	"syscall"
	"testing"
)

// A driver that cannot set policers is refused before anybody looks which policer is
// meant. EOPNOTSUPP: devlink_nl_cmd_trap_policer_set_doit.
func TestPolicersThatCannotBeSetAreUnsupported(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: roleless{}})
		if err != nil {
			t.Fatal(err)
		}
		do(t, i, func(l *Locked) error { return l.AddPolicers(chipPolicers...) })
		finish(t, i.SubmitRegister())
		for _, id := range []uint32{1, 1337} {
			k := i.SubmitSetPolicer(id, PolicerChange{Rate: new(uint64(0))})
			denied(t, outcome(k), syscall.EOPNOTSUPP, "")
		}
	})
}

// quiet writes down in which order traps are told to drop.
type quiet struct {
	chip
	order []string
}

func (q *quiet) SetTrapAction(_ context.Context, _ *Locked, t *TrapInfo, a TrapAction) error {
	q.order = append(q.order, t.Name+" "+a.String())
	return nil
}

// The last trap is disabled first, as devl_traps_unregister does it.
func TestTrapsAreDisabledInReverse(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		q := &quiet{chip: *newChip()}
		i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: q})
		if err != nil {
			t.Fatal(err)
		}
		do(t, i, func(l *Locked) error {
			if err := addTraps(l, map[string]*Trap{}); err != nil {
				return err
			}
			return l.RemoveTraps(trapNames()...)
		})
		want := trapNames()
		slices.Reverse(want)
		for n := range want {
			want[n] += " drop"
		}
		if !slices.Equal(q.order, want) {
			t.Errorf("%q", q.order)
		}
	})
}

// stubbornTrap refuses to set one trap.
type stubbornTrap struct {
	chip
	name string
}

func (c *stubbornTrap) SetTrapAction(ctx context.Context, l *Locked, t *TrapInfo, a TrapAction) error {
	if t.Name == c.name {
		return syscall.EIO
	}
	return c.chip.SetTrapAction(ctx, l, t, a)
}

// Of a group that is set trap by trap what is seen is what the driver has done:
// __devlink_trap_group_action_set stops at the first error, too.
func TestGroupActionStopsAtTheTrapThatIsRefused(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := &stubbornTrap{*newChip(), "vlan_tag_mismatch"}
		i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: c})
		if err != nil {
			t.Fatal(err)
		}
		do(t, i, func(l *Locked) error { return addTraps(l, map[string]*Trap{}) })
		finish(t, i.SubmitRegister())
		denied(t, outcome(i.SubmitSetGroup("l2_drops", GroupChange{Action: new(ActionTrap)}).Ticket), syscall.EIO, "")
		for _, info := range chipTraps {
			got := i.trap(info.Name)
			if got.Action != c.actions[info.Name] || (got.Action == info.Action) != (info.Name != "source_mac_is_multicast") {
				t.Errorf("%s: %v, the driver has %v", info.Name, got.Action, c.actions[info.Name])
			}
		}
	})
}
