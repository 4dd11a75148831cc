package switchdevtest

import (
	"context"
	"maps"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

func (d *reference) ApplyLAGs(ctx context.Context, ops []switchdev.LAGOp, results []switchdev.Result) {
	batch(d, ctx, ops, results, func(o switchdev.LAGOp) switchdev.Op { return o.Op }, d.lag)
}

func (d *reference) physical(port switchdev.PortID) bool {
	return slices.ContainsFunc(d.list, func(p switchdev.PortInfo) bool { return p.ID == port })
}

// known reports whether the device has the port, or the LAG, under the mutex.
func (d *reference) known(port switchdev.PortID) bool {
	_, lag := d.lags[port]
	return lag || d.physical(port)
}

// lagOf returns the LAG that a port is a link of, 0 for none.
func (d *reference) lagOf(port switchdev.PortID) switchdev.PortID {
	for id, links := range d.lags {
		if slices.ContainsFunc(links, func(l switchdev.LAGLink) bool { return l.Port == port }) {
			return id
		}
	}
	return 0
}

// lag executes a LAG operation, under the mutex.
func (d *reference) lag(o switchdev.LAGOp) error {
	if d.physical(o.Port) && !d.has("lag/number-taken") {
		return switchdev.ErrExist
	}
	old, there := d.lags[o.Port]
	if o.Verb == switchdev.LAGDelete {
		if !there && d.has("lag/delete-absent") {
			return switchdev.ErrNotExist
		}
		d.endLAG(o.Port)
		return nil
	}
	if err := d.checkLAG(o, there); err != nil {
		return err
	}
	links := o.Links
	if !d.has("lag/hands-back-links") {
		links = append([]switchdev.LAGLink{}, links...)
	}
	if d.has("lag/whole-list") {
		links = append(links, old...)
	}
	if there && d.has("lag/set-keeps") {
		d.endLAG(o.Port)
	}
	d.lags[o.Port] = links
	for k, r := range d.buried {
		if r.port == o.Port {
			d.rows[k] = r
		}
	}
	return nil
}

func (d *reference) checkLAG(o switchdev.LAGOp, there bool) error {
	if there && d.has("lag/set-is-idempotent") {
		return switchdev.ErrExist
	}
	if o.Port == 0 {
		return switchdev.ErrInvalid
	}
	for i, l := range o.Links {
		again := slices.ContainsFunc(o.Links[:i], func(m switchdev.LAGLink) bool { return m.Port == l.Port })
		_, inside := d.lags[l.Port]
		_, joined := d.member[l.Port]
		switch other := d.lagOf(l.Port); {
		case (l.Port == 0 || again || inside || l.Port == o.Port) && !d.has("lag/bad-links"):
			return switchdev.ErrInvalid
		case !d.physical(l.Port) && !d.has("lag/unknown-link"):
			return switchdev.ErrNoDevice
		case joined && !d.has("lag/busy-link"), other != 0 && other != o.Port && !d.has("lag/one-lag"):
			return switchdev.ErrBusy
		}
	}
	if !there && len(d.lags) >= d.limits.LAGs && !d.has("lag/full") || len(o.Links) > d.limits.LAGLinks && !d.has("lag/full-links") {
		return switchdev.ErrNoSpace
	}
	return nil
}

func (d *reference) endLAG(id switchdev.PortID) {
	if d.has("lag/reused-number") {
		d.buried = maps.Clone(d.rows)
	}
	d.forget(id, d.has("lag/delete-drops-rows"), d.has("lag/delete-drops-vlans"))
	if !d.has("lag/delete-frees-links") {
		delete(d.lags, id)
	}
}
