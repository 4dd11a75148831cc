package machine

import (
	"errors"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// SetBridge is "ip link set dev NAME type bridge ...": EOPNOTSUPP for a device that is no
// bridge. The first refusal ends it, and what came before stays. Linux:
// net/bridge/br_netlink.c, br_validate and br_changelink.
func (m *Machine) SetBridge(ns, name string, c BridgeChange) error {
	d, err := m.lookup(ns, name)
	if err != nil {
		return err
	}
	if d.bridge == nil {
		return refuse(EOPNOTSUPP, "")
	}
	return refused(m.changeBridge(d.bridge, &c))
}

func (m *Machine) changeBridge(b *bridgeDevice, c *BridgeChange) error {
	if err := m.validate(c); err != nil {
		return err
	}
	for _, step := range [...]func(*bridgeDevice, *BridgeChange) error{
		m.setTimes, m.setAgeing, m.setTree, m.setFiltering, m.setProtocol, m.setDefaultPVID,
		m.setGroupForward, m.flushBridge, m.setLearning, m.setLocal,
	} {
		if err := step(b, c); err != nil {
			return err
		}
	}
	return nil
}

// validate refuses what is never right, before anything is done.
func (m *Machine) validate(c *BridgeChange) error {
	switch {
	case c.FDBLearned != nil: // br_policy, NLA_REJECT
		return refuse(EINVAL, "Attribute failed policy validation")
	case m.cfg.NoVLANFiltering:
		return nil
	case c.VLANProtocol != nil && *c.VLANProtocol != 0x8100 && *c.VLANProtocol != 0x88a8:
		return refuse(EPROTONOSUPPORT, "")
	case c.DefaultPVID != nil && *c.DefaultPVID >= 4095:
		return refuse(EINVAL, "")
	}
	return nil
}

// centiseconds is a time of a request.
func centiseconds(n uint32) time.Duration { return time.Duration(n) * 10 * time.Millisecond }

// The limits of the times of a spanning tree (net/bridge/br_private_stp.h).
const (
	leastForwardDelay, mostForwardDelay = 2 * time.Second, 30 * time.Second
	leastHello, mostHello               = time.Second, 10 * time.Second
	leastMaxAge, mostMaxAge             = 6 * time.Second, 40 * time.Second
)

// setTimes sets the times of the spanning tree. The forward delay has limits while a tree
// is running only.
func (m *Machine) setTimes(b *bridgeDevice, c *BridgeChange) error {
	for _, one := range [...]struct {
		to          *uint32
		time        *time.Duration
		least, most time.Duration
		free        bool
	}{
		{c.ForwardDelay, &b.tree.forwardDelay, leastForwardDelay, mostForwardDelay, !b.stp},
		{c.HelloTime, &b.tree.hello, leastHello, mostHello, false},
		{c.MaxAge, &b.tree.maxAge, leastMaxAge, mostMaxAge, false},
	} {
		if one.to == nil {
			continue
		}
		t := centiseconds(*one.to)
		if !one.free && (t < one.least || t > one.most) {
			return refuse(ERANGE, "")
		}
		*one.time = t
		if err := b.tellTimes(); err != nil {
			return err
		}
		if err := m.done(); err != nil { // the next step sees it
			return err
		}
	}
	return nil
}

func (b *bridgeDevice) tellTimes() error {
	t := b.tree
	return b.b.SetSTPTimes(min(max(t.forwardDelay, leastForwardDelay), mostForwardDelay), t.hello, t.maxAge)
}

// setAgeing sets the ageing time, 0 for no learning. Linux: br_set_ageing_time.
func (m *Machine) setAgeing(b *bridgeDevice, c *BridgeChange) error {
	if c.AgeingTime == nil {
		return nil
	}
	d := centiseconds(*c.AgeingTime)
	if d == 0 {
		d = fdb.NoLearning
	}
	return m.done(b.b.SubmitSetAgeing(d))
}

// setTree turns the spanning tree on or off, and sets the bridge's priority. There is no
// program that would run one: any number but 0 is the kernel's own. Linux:
// br_stp_start brings the forward delay into its limits.
func (m *Machine) setTree(b *bridgeDevice, c *BridgeChange) error {
	if c.STPState != nil {
		on := *c.STPState != 0
		was, mode := b.b.STP().Mode, bridge.STPOff
		if on {
			mode = bridge.STPKernel
			b.tree.forwardDelay = min(max(b.tree.forwardDelay, leastForwardDelay), mostForwardDelay)
		}
		if err := m.done(b.b.SubmitSetSTP(mode)); err != nil { // and it has begun, or ended
			return errors.Join(err, m.done(b.b.SubmitSetSTP(was)))
		}
		b.stp = on
	}
	if c.Priority == nil {
		return nil
	}
	p := int(*c.Priority)
	if p == 0 {
		p = -1
	}
	return b.b.SetSTPPriority(p)
}

func (m *Machine) setFiltering(b *bridgeDevice, c *BridgeChange) error {
	switch {
	case c.VLANFiltering == nil:
		return nil
	case m.cfg.NoVLANFiltering:
		return refuse(EOPNOTSUPP, "")
	}
	return m.done(b.b.SubmitSetFiltering(*c.VLANFiltering))
}

func (m *Machine) setProtocol(b *bridgeDevice, c *BridgeChange) error {
	if c.VLANProtocol == nil || m.cfg.NoVLANFiltering {
		return nil
	}
	return m.done(b.b.SubmitSetProtocol(switchdev.EtherType(*c.VLANProtocol)))
}

// setDefaultPVID sets the VLAN that ports begin in, 0 for none.
func (m *Machine) setDefaultPVID(b *bridgeDevice, c *BridgeChange) error {
	if c.DefaultPVID == nil || m.cfg.NoVLANFiltering || switchdev.VLAN(*c.DefaultPVID) == b.pvid {
		return nil
	}
	v := switchdev.VLAN(*c.DefaultPVID)
	to := v
	if v == switchdev.NoVLAN {
		to = bridge.NoDefaultPVID
	}
	if err := m.done(b.b.SubmitSetDefaultPVID(to)); err != nil {
		return err
	}
	b.pvid = v
	return nil
}

func (m *Machine) setGroupForward(b *bridgeDevice, c *BridgeChange) error {
	if c.GroupForward == nil {
		return nil
	}
	if *c.GroupForward&0b111 != 0 {
		return refuse(EINVAL, "")
	}
	b.link.Forward = *c.GroupForward
	return b.b.SetLinkLocal(b.link)
}

// flushBridge removes what is not static. Linux: IFLA_BR_FDB_FLUSH.
func (m *Machine) flushBridge(b *bridgeDevice, c *BridgeChange) error {
	if !c.FDBFlush {
		return nil
	}
	return m.done(b.b.Table().SubmitFlush(fdb.Filter{Mask: fdb.Static}))
}

func (m *Machine) setLearning(b *bridgeDevice, c *BridgeChange) error {
	if c.FDBMaxLearned != nil {
		if err := b.b.Table().SetLearningMax(int(*c.FDBMaxLearned)); err != nil {
			return err
		}
	}
	if c.NoLinkLocalLearn == nil {
		return nil
	}
	b.link.NoLearning = *c.NoLinkLocalLearn
	return b.b.SetLinkLocal(b.link)
}

func (m *Machine) setLocal(b *bridgeDevice, c *BridgeChange) error {
	if c.FDBLocalVLAN0 == nil {
		return nil
	}
	return m.done(b.b.SubmitSetLocalInVLAN0(*c.FDBLocalVLAN0))
}
