package show_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// netdevsim is the driver of that name of Linux 6.1, as far as the recordings go.
type netdevsim struct {
	sim
	host  *host
	knobs map[string]bool
	ports []uint32
	macs  uint64 // the values that it works with
	test1 bool
}

// host is what netdevsims share: the names of network devices.
type host struct{ netdevs []string }

// first returns the first name that is free, and takes it.
func (h *host) first() string {
	for n := 0; ; n++ {
		if name := fmt.Sprint("eth", n); !slices.Contains(h.netdevs, name) {
			h.netdevs = append(h.netdevs, name)
			return name
		}
	}
}

func (h *host) free(name string) {
	h.netdevs = slices.DeleteFunc(h.netdevs, func(s string) bool { return s == name })
}

// fails is a refusal in the driver's words.
func fails(text string, errno error) error { return &switchdev.OpError{Reason: text, Err: errno} }

func (d *netdevsim) ReloadDown(ctx context.Context, l *devlink.Locked, r devlink.Reload) error {
	if d.knobs["dont_allow_reload"] {
		return fails("User forbid the reload for testing purposes", switchdev.ErrUnsupported)
	}
	return d.stop(l)
}

func (d *netdevsim) ReloadUp(ctx context.Context, l *devlink.Locked, r devlink.Reload) (devlink.ReloadActions, error) {
	if d.knobs["fail_reload"] {
		return 0, fails("User setup the reload to fail for testing purposes", syscall.EINVAL)
	}
	if err := d.start(l); err != nil {
		return 0, err
	}
	return devlink.ActionsOf(devlink.ActionDriverReinit), nil
}

// RestartsToMove: to Linux a move is a reload.
func (d *netdevsim) RestartsToMove() bool { return true }

// begin adds what stays over reloads, and then what does not.
func (d *netdevsim) begin(l *devlink.Locked) error { return errors.Join(simStays(l), d.start(l)) }

func (d *netdevsim) start(l *devlink.Locked) error {
	macs, err := l.DriverInit(devlink.Key{Name: "max_macs"})
	if err != nil {
		return err
	}
	test1, err := l.DriverInit(devlink.Key{Name: "test1"})
	if err != nil {
		return err
	}
	d.macs, d.test1 = macs.Uint(), test1.Bool()
	ports := d.sim.ports
	d.sim.ports = 0
	err = d.fill(l)
	d.sim.ports = ports
	if err != nil {
		return err
	}
	for _, q := range simResources {
		size, err := l.ResourceSize(devlink.Key{ID: q.id})
		if err != nil {
			return err
		}
		if q.occ > 0 && size < uint64(q.occ) {
			return fails("Exceeded number of supported fib entries", syscall.EPERM)
		}
	}
	for n := range d.sim.ports {
		if err := d.addPort(l, uint32(n)); err != nil {
			return err
		}
	}
	return nil
}

func (d *netdevsim) addPort(l *devlink.Locked, n uint32) error {
	err := l.AddPort(devlink.PortInfo{Index: n, Number: n + 1, Flavour: devlink.FlavourPhysical})
	if err != nil {
		return err
	}
	d.ports = append(d.ports, n)
	return l.SetPortNetdev(n, d.host.first(), 0)
}

func (d *netdevsim) delPort(l *devlink.Locked, n uint32) error {
	if p, ok := l.Instance().Registry().Snapshot().Object(l.Instance().Namespace(), l.Instance().Handle(), devlink.KindPort, devlink.Key{Port: n, OnPort: true}).(*devlink.PortInfo); ok {
		d.host.free(p.Netdev)
	}
	d.ports = slices.DeleteFunc(d.ports, func(m uint32) bool { return m == n })
	return errors.Join(l.SetPortType(n, devlink.PortNotSet), l.RemovePort(n))
}

func (d *netdevsim) stop(l *devlink.Locked) error {
	var errs []error
	for _, n := range slices.Backward(slices.Clone(d.ports)) {
		errs = append(errs, d.delPort(l, n))
	}
	ports := d.sim.ports
	d.sim.ports = 0
	errs = append(errs, d.empty(l))
	d.sim.ports = ports
	return errors.Join(errs...)
}

// Remove forgets the names of its network devices; the rest nobody misses.
func (d *netdevsim) Remove(ctx context.Context, l *devlink.Locked, down bool) error {
	if down {
		return nil
	}
	return d.stop(l)
}

func (d *netdevsim) SetPolicer(context.Context, *devlink.Locked, *devlink.PolicerInfo, uint64, uint64) error {
	if d.knobs["fail_trap_policer_set"] {
		return fails("User setup the operation to fail for testing purposes", syscall.EINVAL)
	}
	return nil
}

func (d *netdevsim) SetTrapAction(context.Context, *devlink.Locked, *devlink.TrapInfo, devlink.TrapAction) error {
	return nil
}

// fault turns a knob, or presses one.
func (d *netdevsim) fault(w *world, i *devlink.Instance, knob, value string) error {
	switch knob {
	case "take_snapshot":
		id := i.TakeSnapshotID()
		return errors.Join(d.region.AddSnapshot(id, make([]byte, 32768)), i.ReleaseSnapshotID(id))
	case "health/break_health":
		return w.done(d.dummy.SubmitReport(value, nil))
	case "health/fail_recover":
		if d.failed = nil; value == "true" {
			d.failed = fails("User setup the recover to fail for testing purposes", syscall.EINVAL)
		}
		return nil
	}
	d.knobs[knob] = value == "true"
	return nil
}
