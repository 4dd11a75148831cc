package switchdevtest

import (
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

func (d *reference) rowKey(domain switchdev.Domain, key switchdev.FDBKey, port switchdev.PortID) refKey {
	k := refKey{domain: domain, key: key}
	switch d.bug {
	case "fdb/set-moves", "dump/once":
		k.port = port
	case "fdb/vlans-differ":
		k.key.VLAN = 0
	case "fdb/domains":
		k.domain = 0
	}
	return k
}

// row executes a row operation, under the mutex.
func (d *reference) row(o switchdev.FDBOp) error {
	if err := o.Entry.Key.Check(); err != nil && !d.has("fdb/bad-key") {
		return err
	}
	k := d.rowKey(o.Domain, o.Entry.Key, o.Entry.Port)
	if o.Verb == switchdev.FDBDelete {
		return d.deleteRow(k, o)
	}
	if o.Verb != switchdev.FDBSet {
		return switchdev.ErrInvalid
	}
	old, held := d.rows[k]
	switch {
	case d.has("fdb/set-is-idempotent") && held && old.port == o.Entry.Port:
		return switchdev.ErrExist
	case d.has("fdb/set-replaces-learned") && held && old.learned:
		return nil
	case d.has("flush/keeps-taken-over") && held && old.learned && old.port == o.Entry.Port:
		return nil
	case d.has("lag/rows") && d.lags[o.Entry.Port] != nil:
		return nil
	case d.has("fdb/local-any-port") && int(o.Entry.Port) > len(d.list):
		return switchdev.ErrNoDevice
	case d.has("fdb/set-is-final"), d.has("reset/replay") && d.epoch.Load() > 1:
		return nil
	case d.has("fdb/whole-batch") && k.key.MAC[5]%5 == 4:
		return nil
	case d.has("fdb/model") && held && d.deletes > 50 && k.key.MAC[5]%7 == 3:
		return nil
	}
	if d.has("fdb/full-move") && held && d.full() {
		delete(d.rows, k)
		return switchdev.ErrNoSpace
	}
	if !held && d.full() {
		d.refused = true
		if d.has("fdb/full") {
			for victim := range d.rows {
				delete(d.rows, victim)
				break
			}
		}
		return switchdev.ErrNoSpace
	}
	row := refRow{port: o.Entry.Port, flags: o.Entry.Flags, gen: o.Gen}
	if d.has("dump/generation") {
		row.gen = o.Gen + 1
	}
	d.rows[k] = row
	return nil
}

func (d *reference) full() bool {
	used := len(d.rows)
	if d.has("fdb/freed-space") {
		used += d.deletes
	}
	most := d.limits.FDB
	if d.has("limits/bound") {
		most++
	}
	return used >= most || !d.has("limits/shared") && used+len(d.vlans) >= d.limits.Shared
}

func (d *reference) deleteRow(k refKey, o switchdev.FDBOp) error {
	row, held := d.rows[k]
	switch {
	case d.has("fdb/delete-removes"):
		return nil
	case d.has("fdb/delete-absent") && !held:
		return switchdev.ErrNotExist
	case d.has("fdb/delete-any-port") && row.port != o.Entry.Port:
		return nil
	}
	d.deletes++
	if held && !row.learned {
		d.drop(k)
	}
	return nil
}

func (d *reference) drop(k refKey) {
	delete(d.rows, k)
	if d.refused && !d.has("report/space") {
		d.refused = false
		d.report(switchdev.Report{Kind: switchdev.ReportSpace})
	}
}

func (d *reference) DumpFDB(ctx context.Context, domain switchdev.Domain, yield func(switchdev.FDBRow) bool) (switchdev.Epoch, error) {
	l, err := d.begin()
	if err != nil && !d.has("driver/closed-calls") {
		return 0, err
	}
	if err == nil {
		defer d.end(l)
	}
	if d.has("dump/never-waits") {
		_ = d.pause(ctx, l)
	}
	if ctx.Err() != nil && !d.has("dump/cancelled") {
		return 0, ctx.Err()
	}
	d.mu.Lock()
	epoch := switchdev.Epoch(d.epoch.Load())
	if d.has("dump/epoch") {
		epoch = 0
	}
	var rows []switchdev.FDBRow
	for k, r := range d.rows {
		if d.has("fdb/domains") {
			k.domain = domain
		}
		if k.domain == domain || d.has("dump/domain") {
			row := switchdev.FDBRow{FDBEntry: switchdev.FDBEntry{Key: k.key, Port: r.port, Flags: r.flags}, Gen: r.gen}
			rows = append(rows, row)
			if d.has("dump/once") {
				rows = append(rows, row)
			}
		}
	}
	d.mu.Unlock()
	for _, row := range rows {
		if !yield(row) && !d.has("dump/stops") {
			break
		}
	}
	return epoch, nil
}

func (d *reference) FlushFDB(ctx context.Context, ops []switchdev.FDBFlushOp, results []switchdev.Result) {
	batch(d, ctx, ops, results, func(o switchdev.FDBFlushOp) switchdev.Op { return o.Op }, func(o switchdev.FDBFlushOp) error {
		if d.has("flush/drops-learned") {
			return nil
		}
		for k, r := range d.rows {
			here := k.domain == o.Domain && (o.Port == 0 || o.Port == r.port) && (o.VLAN == 0 || o.VLAN == k.key.VLAN)
			if (here || d.has("flush/restricted")) && (r.learned || d.has("flush/keeps-told")) {
				d.drop(k)
			}
		}
		return nil
	})
}

func (d *reference) checkPort(o switchdev.PortOp) error {
	if o.Verb == switchdev.PortSet && o.Set&switchdev.PortAttrState != 0 && !o.State.Valid() && !d.has("port/bad-state") {
		return switchdev.ErrInvalid
	}
	if !d.known(o.Port) {
		return switchdev.ErrNoDevice
	}
	if d.lagOf(o.Port) != 0 && o.Verb == switchdev.PortJoin && !d.has("lag/link-stays-out") {
		return switchdev.ErrBusy
	}
	domain, joined := d.member[o.Port]
	if o.Verb == switchdev.PortJoin && joined && domain != o.Domain && !d.has("port/one-domain") {
		return switchdev.ErrBusy
	}
	return nil
}

func (d *reference) port(o switchdev.PortOp) error {
	if err := d.checkPort(o); err != nil {
		return err
	}
	switch o.Verb {
	case switchdev.PortJoin:
		d.member[o.Port] = o.Domain
		if _, before := d.joins[o.Port]; !before || !d.has("report/life") {
			d.joins[o.Port] = o.Gen
		}
	case switchdev.PortLeave:
		d.forget(o.Port, d.has("port/leave-drops-rows"), d.has("port/leave-drops-vlans"))
	case switchdev.PortSet:
		if d.names++; d.has("port/set-is-idempotent") && d.names > 3 {
			return switchdev.ErrExist
		}
	}
	return nil
}

// forget ends the membership of a port; of a mutant its rows or VLANs stay.
func (d *reference) forget(port switchdev.PortID, keepRows, keepVLANs bool) {
	delete(d.member, port)
	for k, r := range d.rows {
		if r.port == port && !keepRows {
			d.drop(k)
		}
	}
	for v := range d.vlans {
		if v.port == port && !keepVLANs {
			delete(d.vlans, v)
		}
	}
}

func portHead(o switchdev.PortOp) switchdev.Op { return o.Op }

func (d *reference) CheckPorts(ctx context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	batch(d, ctx, ops, results, portHead, func(o switchdev.PortOp) error {
		switch d.bug {
		case "port/check-changes-nothing":
			return d.port(o)
		case "port/check-agrees":
			return nil
		}
		return d.checkPort(o)
	})
}

func (d *reference) ApplyPorts(ctx context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	batch(d, ctx, ops, results, portHead, d.port)
}

func (d *reference) Ports(context.Context) ([]switchdev.PortInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, switchdev.ErrClosed
	}
	return slices.Clone(d.list), nil
}

func (d *reference) bridge(o switchdev.BridgeOp) error {
	outside := o.Ageing != 0 && (o.Ageing < d.limits.AgeingMin || o.Ageing > d.limits.AgeingMax)
	if o.Set&switchdev.BridgeAttrAgeing != 0 && outside && !d.has("bridge/ageing-range") {
		return switchdev.ErrRange
	}
	if d.names++; d.has("bridge/set-is-idempotent") && d.names > 2 {
		return switchdev.ErrExist
	}
	return nil
}

func bridgeHead(o switchdev.BridgeOp) switchdev.Op { return o.Op }

func (d *reference) CheckBridge(ctx context.Context, ops []switchdev.BridgeOp, results []switchdev.Result) {
	batch(d, ctx, ops, results, bridgeHead, func(o switchdev.BridgeOp) error {
		if d.has("bridge/check-agrees") {
			return nil
		}
		return d.bridge(o)
	})
}

func (d *reference) ApplyBridge(ctx context.Context, ops []switchdev.BridgeOp, results []switchdev.Result) {
	batch(d, ctx, ops, results, bridgeHead, d.bridge)
}

func (d *reference) ApplyVLANs(ctx context.Context, ops []switchdev.VLANOp, results []switchdev.Result) {
	batch(d, ctx, ops, results, func(o switchdev.VLANOp) switchdev.Op { return o.Op }, d.vlan)
}

func (d *reference) vlan(o switchdev.VLANOp) error {
	if !o.VLAN.Valid() && !d.has("vlan/bad-vlan") {
		return switchdev.ErrInvalid
	}
	v := refVLAN{o.Port, o.VLAN}
	_, held := d.vlans[v]
	switch {
	case o.Verb == switchdev.VLANDeleteMember:
		if !held && d.has("vlan/delete-absent") {
			return switchdev.ErrNotExist
		}
		delete(d.vlans, v)
		for k, r := range d.rows {
			if k.key.VLAN == o.VLAN && r.port == o.Port && (r.learned || d.has("vlan/delete-keeps-told")) {
				d.drop(k)
			}
		}
		return nil
	case held && d.has("vlan/set-is-idempotent"):
		return switchdev.ErrExist
	case held:
	case len(d.vlans) >= d.limits.VLANs && !d.has("vlan/full"),
		len(d.rows)+len(d.vlans) >= d.limits.Shared && !d.has("limits/shared"):
		return switchdev.ErrNoSpace
	}
	d.vlans[v] = o.Flags
	return nil
}
