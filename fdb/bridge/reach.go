package bridge

import (
	"maps"

	"github.com/switchcore/switchcore/switchdev"
)

// reach is the VLANs in which a device is to hand frames to software although the
// host need not be in them: where a port is that the device does not have, and where
// software learns and floods for the device's own ports all of theirs too. Linux: the
// CPU port in the VLANs of foreign interfaces (net/dsa).
func (d *device) reach() *membership {
	m := new(membership)
	all := d.b.cfg.Hardware.PortFlags == SoftwareLearns
	add := func(p *port) {
		if all || p.device != d {
			m.member.Union(&p.vlans.member)
		}
	}
	for _, p := range d.b.view.Load().ports {
		add(p)
	}
	if arriving := d.b.arriving.Load(); arriving != nil {
		for _, p := range *arriving {
			add(p)
		}
	}
	return m
}

// arrive notes that there is about to be a port, or one that is in more VLANs than it
// is now; nil that there is no more.
func (b *Bridge) arrive(id switchdev.PortID, p *port) {
	<-b.slot
	defer b.unlock()
	next := make(map[switchdev.PortID]*port)
	if old := b.arriving.Load(); old != nil {
		maps.Copy(next, *old)
	}
	next[id] = p
	if p == nil {
		delete(next, id)
	}
	b.arriving.Store(&next)
}

// spread brings the devices to what they are to know of the bridge, after the VLANs of
// a port have changed. That of the port itself has to agree; others, which might be
// slow, follow by themselves, and are asked again if they refuse.
func (b *Bridge) spread(name string, own *device) (err error) {
	for _, d := range b.devices {
		was := d.held.Load()
		switch {
		case was == nil && (d != own || d.count.Load() == 0): // who is in doubt is mended
			continue
		case was != nil && was.host == d.wanted().host:
			continue
		}
		if d == own {
			if err = d.hold(name); err != nil {
				d.doubt(false)
			}
			continue
		}
		o := b.newOp(opMend, switchdev.PortHost)
		o.then(func() {
			if err := d.hold(opMend); err != nil {
				d.doubt(false)
				o.fail(err)
			}
		})
		b.start(o)
	}
	return err
}
