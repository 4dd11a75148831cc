package machine

import (
	"errors"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// bridgeDevice is what is behind a bridge device.
type bridgeDevice struct {
	m    *Machine
	dev  *device
	b    *bridge.Bridge
	sub  *fdb.Subscription
	out  bridge.Egress
	stp  bool
	tree treeTimes
	pvid switchdev.VLAN // vlan_default_pvid
	link bridge.LinkLocal
	// ports are those of the bridge, the latest first, as the kernel lists them.
	ports []*device
	list  fdbList
	// leaving tells that one of them is on its way out, which has no backup.
	leaving bool
}

// treeTimes are the times of the spanning tree as they were set, which count only in
// their limits.
type treeTimes struct{ forwardDelay, hello, maxAge time.Duration }

// openBridge makes a bridge device, which is down.
func (m *Machine) openBridge(name string) (*bridgeDevice, error) {
	d := m.add(&device{name: name, kind: BridgeDevice, mac: bridgeMAC(), carrier: false})
	b := &bridgeDevice{
		m: m, dev: d, tree: treeTimes{15 * time.Second, 2 * time.Second, 20 * time.Second},
		list: fdbList{born: map[fdb.Key]uint64{}},
	}
	var err error
	if b.b, err = bridge.New(m.bridgeConfig(d)); err == nil {
		b.sub, err = b.b.Table().Subscribe(fdb.SubscribeOptions{})
	}
	if err != nil {
		delete(m.devices, d.index)
		return nil, err
	}
	if !m.cfg.NoVLANFiltering {
		b.pvid = 1
	}
	d.bridge = b
	m.bridges = append(m.bridges, b)
	_, err = m.settle()
	return b, err
}

// closeBridge ends a bridge: its ports leave, the latest first, then what is left of its
// entries goes, which nothing can refuse. Linux: net/bridge/br_if.c, br_dev_delete.
func (m *Machine) closeBridge(b *bridgeDevice) error {
	for len(b.ports) > 0 {
		if err := m.release(b.ports[0]); err != nil {
			return err
		}
	}
	err := m.done(b.b.Table().SubmitFlush(fdb.Everything()))
	if _, stuck := err.(*Livelock); stuck {
		return err
	}
	m.bridges = slices.DeleteFunc(m.bridges, func(o *bridgeDevice) bool { return o == b })
	delete(m.devices, b.dev.index)
	b.dev.bridge = nil
	over := b.b.Close()
	if err = errors.Join(err, over); err != nil && m.cfg.Logger != nil {
		m.cfg.Logger.Warn("bridge ended", "bridge", b.dev.name, "error", err)
	}
	if errors.Is(over, switchdev.ErrDeviceUnavailable) { // it keeps what it did not let go
		return nil
	}
	return over
}

// drain takes the tokens that ask for a poll.
func (b *bridgeDevice) drain() {
	for _, wake := range [...]<-chan struct{}{b.b.Wake(), b.b.Table().Wake()} {
		select {
		case <-wake:
		default:
		}
	}
}

// woken reports whether the bridge or its table asks for a poll.
func (b *bridgeDevice) woken() bool { return len(b.b.Wake()) > 0 || len(b.b.Table().Wake()) > 0 }

// view names the ports of a bridge as they are called now.
func (b *bridgeDevice) view() show.View {
	return show.View{
		Bridge: b.dev.name, Now: b.m.now,
		PortName: func(id switchdev.PortID) string {
			if d := b.m.devices[b.m.indexOf(id)]; d != nil {
				return d.name
			}
			return "port" + id.String()
		},
	}
}

// indexOf returns the number of the device that is a port with a number.
func (m *Machine) indexOf(id switchdev.PortID) int { return int(id) }

// port returns the device that is a port of the bridge with a number, nil if there is
// none.
func (b *bridgeDevice) port(id switchdev.PortID) *device {
	for _, d := range b.ports {
		if d.port == id {
			return d
		}
	}
	return nil
}

// closed reports whether an error of the subscription is its end.
func (b *bridgeDevice) closed(err error) bool { return errors.Is(err, switchdev.ErrClosed) }
