package fdb

import (
	"context"
	"slices"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/internal/offload"
	"github.com/switchcore/switchcore/switchdev"
)

// Join makes a device hold the entries of port p from now on, and returns when
// it holds those that are there. A row that the device refuses does not stop the
// join; the refusals are joined in the error, and the rows are offered again. A
// port that had gone is there again. Linux: the replay of
// switchdev_bridge_port_offload.
func (t *Table) Join(ctx context.Context, d switchdev.Driver, p switchdev.PortID) error {
	return t.SubmitJoin(d, p).Wait(ctx)
}

// SubmitJoin is Join without the wait.
func (t *Table) SubmitJoin(d switchdev.Driver, p switchdev.PortID) *Ticket {
	return t.membership("fdb.join", d, p, func(dev int, j *job) bool {
		if !j.begun { // and not again: a leave may have come between two chunks
			j.settled = t.devs[dev].claims.has(uint16(p))
			t.devs[dev].claims.add(uint16(p))
			t.devs[dev].lacking.change(uint16(p), false, func() {})
		}
		if !j.settled { // what it held of the port it may have lost with the port
			j.settled = t.devices.Distrust(dev, j.walkOf(t, dev), func(_ uint64, r row) bool {
				return r.port == uint16(p) && r.flags&switchdev.FDBLocal == 0 // those are the bridge's
			})
			t.flushChanges()
			return false
		}
		touch := func(k cam.Key, _ cam.Ref) bool {
			t.devices.Touch(uint64(k))
			t.devices.Await(&j.wait, uint64(k))
			return true
		}
		j.cursor = t.stations.Main().Scan(j.cursor, chunkSegments, touch)
		t.flushChanges()
		return j.cursor.Done()
	}, func() { t.AddPort(p) })
}

// Leave withdraws every row of port p from a device, and returns when none is
// left there. The entries stay in the table; see [Table.RemovePort] if the port
// is going for good. A row that the device would not let go of before is asked
// for once more. Linux: switchdev_bridge_port_unoffload, which returns when the
// deferred work is done.
func (t *Table) Leave(ctx context.Context, d switchdev.Driver, p switchdev.PortID) error {
	return t.SubmitLeave(d, p).Wait(ctx)
}

// SubmitLeave is Leave without the wait.
func (t *Table) SubmitLeave(d switchdev.Driver, p switchdev.PortID) *Ticket {
	return t.membership("fdb.leave", d, p, func(dev int, j *job) bool {
		if !j.begun {
			t.devs[dev].claims.remove(uint16(p))
		}
		return t.review(dev, j)
	}, nil)
}

func (t *Table) membership(name string, d switchdev.Driver, p switchdev.PortID, run func(dev int, j *job) bool, accept func()) *Ticket {
	k := t.newTicket()
	dev, err := t.indexOf(d, name)
	switch {
	case err != nil:
		k.resolve(0, err)
		return k
	case t.devs[dev].Ports == nil && !t.devs[dev].lacks(p):
		k.resolve(0, &switchdev.OpError{Op: name, Device: t.devs[dev].name, Reason: "the device holds every port", Err: switchdev.ErrInvalid})
		return k
	}
	j := &job{ticket: k, name: name, run: func(j *job) bool { return run(dev, j) }, port: p, device: t.devs[dev].name}
	accepted := t.inbox.putJob(j, func() {
		k.stage()
		if accept != nil {
			accept()
		}
		j.traceAccepted(t)
	})
	if !accepted {
		k.resolve(0, &switchdev.OpError{Op: name, Device: t.devs[dev].name, Err: switchdev.ErrClosed})
		return k
	}
	t.nudge()
	return k
}

// review looks at a chunk of what a device holds, after what it claims has
// changed, and reports whether that was the last.
func (t *Table) review(dev int, j *job) bool {
	last := t.devices.Review(dev, j.walkOf(t, dev), &j.wait)
	t.flushChanges()
	return last
}

// walkOf returns the job's way through the cells of a device.
func (j *job) walkOf(t *Table, dev int) *offload.Walk[uint64, row] {
	if j.walk == nil || j.walkDev != dev {
		j.endWalk(t)
		j.walk, j.walkDev = new(offload.Walk[uint64, row]), dev
	}
	return j.walk
}

func (j *job) endWalk(t *Table) {
	if j.walk != nil {
		t.devices.Drop(j.walkDev, j.walk)
		j.walk = nil
	}
}

// indexOf returns the place of a device of the table.
func (t *Table) indexOf(d switchdev.Driver, op string) (int, error) {
	dev := slices.IndexFunc(t.devs, func(x *device) bool { return x.Driver == d })
	if dev < 0 && d != nil { // a bridge puts something before it
		dev = slices.IndexFunc(t.devs, func(x *device) bool { return wraps(x.Driver, d) })
	}
	if dev < 0 {
		return dev, &switchdev.OpError{Op: op, Reason: "not a device of this table", Err: switchdev.ErrNoDevice}
	}
	return dev, nil
}

// wraps reports whether inner is what outer, by its Unwrap methods, decorates.
func wraps(outer, inner switchdev.Driver) bool {
	for {
		u, ok := outer.(switchdev.Unwrapper)
		if !ok {
			return false
		}
		if outer = u.Unwrap(); outer == inner {
			return true
		}
	}
}

// claims says of which ports a device holds the entries. It is used with the slot
// held.
type claims struct {
	all   bool
	ports map[uint16]struct{} // if all is set, those that it does not have
}

func newClaims(ports []switchdev.PortID) claims {
	c := claims{all: ports == nil, ports: make(map[uint16]struct{}, len(ports))}
	for _, p := range ports {
		c.add(uint16(p))
	}
	return c
}

func (c *claims) has(p uint16) bool {
	_, listed := c.ports[p]
	return listed != c.all
}

func (c *claims) add(p uint16) {
	if c.all {
		delete(c.ports, p)
	} else {
		c.ports[p] = struct{}{}
	}
}

func (c *claims) remove(p uint16) {
	if c.all {
		c.ports[p] = struct{}{}
	} else {
		delete(c.ports, p)
	}
}

// any reports whether the device has a port of the table.
func (c *claims) any() bool { return c.all || len(c.ports) > 0 }
