package machine

import (
	"cmp"
	"errors"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// SetBridgePort is "bridge link set" and "type bridge_slave". The master is asked first,
// and then the device itself, which none but a bridge can answer. The first refusal ends
// it, and what came before stays. Linux: net/core/rtnetlink.c, rtnl_bridge_setlink;
// net/bridge/br_netlink.c, br_setlink and br_setport.
func (m *Machine) SetBridgePort(ns, name string, c PortChange) error {
	d, err := m.lookup(ns, name)
	if err != nil {
		return err
	}
	if c.GroupForward != nil && *c.GroupForward&0b10 == 0 && d.master != nil {
		return &Unsupported{What: "group_fwd_mask of a port"}
	}
	if c.Master || !c.Self {
		if d.master == nil {
			return refuse(EOPNOTSUPP, "")
		}
		if err := m.changePort(d, &c); err != nil {
			return refused(err)
		}
	}
	if c.Self && d.bridge == nil {
		return refuse(EOPNOTSUPP, "")
	}
	if c.Link {
		return refused(m.recheck(d))
	}
	return nil
}

// recheck has a bridge look at the carrier of a port that is disabled though it could run.
// Linux: net/bridge/br_if.c, br_port_carrier_check.
func (m *Machine) recheck(d *device) error {
	b := d.master
	if b == nil || !b.dev.up || !d.running() {
		return nil
	}
	p, ok := b.b.Port(d.port)
	if !ok || p.State != switchdev.PortDisabled || b.b.STP().Mode != bridge.STPOff {
		return nil
	}
	state := switchdev.PortForwarding
	if m.cfg.Bridge.Has(bridge.QuirkStateSelection) { // which has it forward, and starts its timer
		state = switchdev.PortBlocking
	}
	return m.done(b.b.SubmitSetPortState(d.port, state))
}

func (m *Machine) changePort(d *device, c *PortChange) error {
	for _, step := range [...]func(*device, *PortChange) error{
		m.setPortFlags, m.setPortTree, m.setPortState, m.flushPort, m.setPortMask, m.setBackup,
	} {
		if err := step(d, c); err != nil {
			return err
		}
	}
	return nil
}

// setPortFlags sets flags, all or none. A device's refusal has a text of the kernel's.
// Linux: net/bridge/br_switchdev.c, br_switchdev_set_port_flag.
func (m *Machine) setPortFlags(d *device, c *PortChange) error {
	if c.Mask == 0 {
		return nil
	}
	err := m.done(d.master.b.SubmitSetPortFlags(d.port, c.Flags&c.Mask, c.Mask))
	switch text := said(err); {
	case err == nil || !ofDevice(err):
		return err
	case errors.Is(err, switchdev.ErrInvalid) || errors.Is(err, errors.ErrUnsupported): // as it is asked before
		return refuse(EOPNOTSUPP, cmp.Or(text, "bridge flag offload is not supported"))
	default:
		return refuse(errnoOf(err), cmp.Or(text, "error setting offload flag on port"))
	}
}

// setPortTree sets what the spanning tree weighs a port by. Linux: br_stp_set_path_cost,
// br_stp_set_port_priority.
func (m *Machine) setPortTree(d *device, c *PortChange) error {
	p, ok := d.master.b.Port(d.port)
	if !ok || c.Cost == nil && c.Priority == nil {
		return nil
	}
	t := p.Tree
	if c.Cost != nil {
		if *c.Cost == 0 || *c.Cost > 65535 {
			return refuse(ERANGE, "")
		}
		t.PathCost = int(*c.Cost)
		if err := m.done(d.master.b.SubmitSetPortTree(d.port, t)); err != nil {
			return err
		}
	}
	if c.Priority == nil {
		return nil
	}
	if *c.Priority > 63 {
		return refuse(ERANGE, "")
	}
	if t.Priority = int(*c.Priority); t.Priority == 0 {
		t.Priority = -1
	}
	return m.done(d.master.b.SubmitSetPortTree(d.port, t))
}

// setPortState sets the state of a port. Linux: br_set_port_state.
func (m *Machine) setPortState(d *device, c *PortChange) error {
	if c.State == nil {
		return nil
	}
	return m.done(d.master.b.SubmitSetPortState(d.port, switchdev.PortState(*c.State)))
}

// flushPort removes what was learned on a port. Linux: br_fdb_delete_by_port.
func (m *Machine) flushPort(d *device, c *PortChange) error {
	if !c.FDBFlush {
		return nil
	}
	return m.done(d.master.b.Table().SubmitFlush(fdb.OnPort(d.port)))
}

func (m *Machine) setPortMask(_ *device, c *PortChange) error {
	if c.GroupForward == nil {
		return nil
	}
	return refuse(EINVAL, "") // the bit of pause frames
}

// setBackup names the backup of a port. Linux: net/bridge/br_if.c, nbp_backup_change.
func (m *Machine) setBackup(d *device, c *PortChange) error {
	if c.BackupPort == nil {
		return nil
	}
	var id switchdev.PortID
	if *c.BackupPort != "" {
		backup := m.named(d.space, *c.BackupPort)
		switch {
		case backup == nil || backup.master == nil:
			return refuse(ENOENT, "")
		case backup.master != d.master || backup == d:
			return refuse(EINVAL, "")
		}
		id = backup.port
	}
	return m.done(d.master.b.SubmitSetBackupPort(d.port, id))
}

// BridgePort returns what a bridge says of a port; false if the device is none.
func (m *Machine) BridgePort(ns, name string) (Port, bool) {
	d := m.find(ns, name)
	if d == nil || d.master == nil {
		return Port{}, false
	}
	p, ok := d.master.b.Port(d.port)
	return m.show(d, p), ok
}

func (m *Machine) show(d *device, p bridge.Port) Port {
	out := Port{
		Name: d.name, Bridge: d.master.dev.name, Flags: p.Flags, State: p.State, Up: p.Up, Carrier: p.Carrier,
		Cost: p.Tree.PathCost, Priority: p.Tree.Priority, GroupForward: p.GroupForward,
	}
	switch {
	case out.Priority == 0:
		out.Priority = 32
	case out.Priority < 0:
		out.Priority = 0
	}
	if b := d.master.port(p.Backup); b != nil {
		out.Backup = b.name
	}
	return out
}

// BridgePorts returns the ports of every bridge of a namespace by ascending index.
func (m *Machine) BridgePorts(ns string) (all []Port) {
	s := m.spaces[ns]
	if s == nil {
		return nil
	}
	for _, d := range m.sorted(s) {
		if p, ok := m.BridgePort(ns, d.name); ok && d.master != nil {
			all = append(all, p)
		}
	}
	return all
}
