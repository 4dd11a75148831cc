package bridge

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// ownAddress is an address whose entry the bridge put into the table.
type ownAddress struct {
	port switchdev.PortID // on which the entry is
	last *fdb.Ticket      // the operation that wrote it, or deletes it
	gone bool             // it deletes it
	born uint64           // the how many-th entry of an own address it is
}

// claim makes k an own address on port, unless it is one already: several
// ports may have the same address, and the first has the entry. An entry of
// another kind is deleted and replaced; one that a user made local stays his
// (br_fdb.c, fdb_add_local). It returns what is to be waited for. The caller
// holds the slot.
func (b *Bridge) claim(k fdb.Key, port switchdev.PortID) []waiter {
	hit, known := b.table.Lookup(k)
	o := b.owned(k)
	switch {
	case o != nil && !isOver(o.last) && o.gone: // on its way out, and visible until then
		return b.put(k, port)
	case o != nil && !isOver(o.last):
		return nil
	case known && hit.Flags&fdb.Local != 0:
		return nil
	}
	if known {
		b.replaced = append(b.replaced, fdb.Entry{Key: k, Port: hit.Port})
		b.table.SubmitDelete(k, hit.Port) // what follows on the key holds whatever becomes of it
	}
	return b.put(k, port)
}

// owned returns what the bridge knows of an own address, nil for nothing. Where the
// last operation failed the table has what it had: an entry that could not be deleted,
// or given to somebody else, is where it was. One that a device has moved is where it
// went, see [fdb.QuirkLegacyOffload]. The caller holds the slot.
func (b *Bridge) owned(k fdb.Key) *ownAddress {
	o := b.own[k]
	if o == nil || !isOver(o.last) || o.gone && o.last.Err() == nil {
		return o
	}
	if hit, ok := b.table.Lookup(k); ok && hit.Flags&(fdb.Local|fdb.User) == fdb.Local {
		o.port, o.gone = hit.Port, false
	}
	return o
}

// put writes an own address. The caller holds the slot.
func (b *Bridge) put(k fdb.Key, port switchdev.PortID) []waiter {
	b.births++
	return b.written(k, port, b.births, b.table.SubmitReplace(fdb.Entry{Key: k, Port: port, Flags: fdb.Permanent, Owner: fdb.OwnerBridge}))
}

// written notes who writes an own address. The caller holds the slot.
func (b *Bridge) written(k fdb.Key, port switchdev.PortID, born uint64, ticket *fdb.Ticket) []waiter {
	b.own[k] = &ownAddress{port: port, last: ticket, born: born}
	return []waiter{ticket}
}

// release ends port's claim to k. The entry goes to another port with that
// address, or to the bridge if it has it, else it is deleted, which byFlush
// leaves to a flush of the port (br_fdb.c, fdb_delete_local). One that a user
// has deleted or written in the meantime stays so. The caller holds the slot.
func (b *Bridge) release(k fdb.Key, port switchdev.PortID, byFlush bool) []waiter {
	o := b.owned(k)
	if o == nil || o.port != port || o.gone {
		return nil
	}
	delete(b.own, k)
	if hit, ok := b.table.Lookup(k); isOver(o.last) && (!ok || hit.Port != port || hit.Flags&(fdb.Local|fdb.User) != fdb.Local) {
		if heir, has := b.heir(k, port); has && !ok {
			b.written(k, heir, o.born, o.last) // an entry that was deleted is not missed by whoever else has the address
		}
		return nil
	}
	if heir, ok := b.heir(k, port); ok {
		if b.has(QuirkSilentHeir) {
			return b.written(k, heir, o.born, b.table.SubmitInherit(k, heir))
		}
		tickets := b.put(k, heir)
		b.own[k].born = o.born // it is the same entry
		return tickets
	}
	if byFlush && isOver(o.last) { // a flush takes nothing that is written after it
		return nil
	}
	ticket := b.table.SubmitDelete(k, port)
	b.own[k] = &ownAddress{port: port, last: ticket, gone: true}
	return []waiter{absence{ticket}}
}

// absence is a deletion that has done its work if there was nothing to delete: what
// wrote the entry may have failed before.
type absence struct{ *fdb.Ticket }

func (a absence) Err() error {
	if err := a.Ticket.Err(); !errors.Is(err, switchdev.ErrNotExist) {
		return err
	}
	return nil
}

// heir returns who else has the address in that VLAN: the lowest such port, which in
// Linux is the one that joined last, or the bridge.
func (b *Bridge) heir(k fdb.Key, leaver switchdev.PortID) (switchdev.PortID, bool) {
	var first *port
	for id, p := range b.ports {
		if id == leaver || p.MAC != k.MAC || !b.at(p.vlans, k.VLAN) {
			continue
		}
		if first == nil || b.has(QuirkSilentHeir) && p.joined > first.joined || !b.has(QuirkSilentHeir) && id < first.ID {
			first = p
		}
	}
	if first != nil {
		return first.ID, true
	}
	return switchdev.PortHost, leaver != switchdev.PortHost && b.setting.mac == k.MAC && b.at(b.setting.host, k.VLAN)
}

// at reports whether who has the membership m has his own address in VLAN v too.
func (b *Bridge) at(m *membership, v switchdev.VLAN) bool {
	return v == switchdev.NoVLAN || !b.setting.local0 && m.member.Contains(v)
}

// homes calls f for every key of an own address: in VLAN 0, and in every VLAN of m
// unless own addresses are in VLAN 0 only.
func (b *Bridge) homes(mac switchdev.MAC, m *membership, f func(fdb.Key) []waiter) (tickets []waiter) {
	tickets = f(fdb.Key{MAC: mac})
	if b.setting.local0 {
		return tickets
	}
	for v := range m.member.All() {
		tickets = append(tickets, f(fdb.Key{MAC: mac, VLAN: v})...)
	}
	return tickets
}

// claimAll claims mac for port wherever the membership m says.
func (b *Bridge) claimAll(mac switchdev.MAC, port switchdev.PortID, m *membership) []waiter {
	return b.homes(mac, m, func(k fdb.Key) []waiter { return b.claim(k, port) })
}

// releaseAll ends port's claims to mac, the youngest entry first, as the kernel goes
// through them.
func (b *Bridge) releaseAll(mac switchdev.MAC, port switchdev.PortID, m *membership, byFlush bool) (tickets []waiter) {
	var keys []fdb.Key
	b.homes(mac, m, func(k fdb.Key) []waiter {
		keys = append(keys, k)
		return nil
	})
	slices.Reverse(keys)
	if !byFlush {
		keys = append(keys, b.guests(port, keys)...)
	}
	slices.SortStableFunc(keys, func(j, k fdb.Key) int { return cmp.Compare(b.born(k), b.born(j)) })
	for _, k := range keys {
		tickets = append(tickets, b.release(k, port, byFlush)...)
	}
	return tickets
}

// guests returns the own addresses of others that a device has moved to the port, see
// [fdb.QuirkLegacyOffload], in addition to those that are known: br_fdb_changeaddr
// (net/bridge/br_fdb.c) does not ask whose they are. The caller holds the slot.
func (b *Bridge) guests(port switchdev.PortID, known []fdb.Key) (keys []fdb.Key) {
	if !b.cfg.Table.Quirks.Has(fdb.QuirkLegacyOffload) {
		return nil
	}
	for k := range b.own {
		if o := b.owned(k); o.port == port && !o.gone && !slices.Contains(known, k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, fdb.Key.Compare)
	return keys
}

// born returns the how many-th an entry is, 0 if it is none of an own address.
func (b *Bridge) born(k fdb.Key) uint64 {
	if o := b.own[k]; o != nil {
		return o.born
	}
	return 0
}

// reclaim claims the addresses that nobody's entry stands for, after something
// went wrong or a user's entry left with its port. What a user deleted is not
// among them. The caller holds the slot.
func (b *Bridge) reclaim() (tickets []waiter) {
	for k, o := range b.own {
		hit, ok := b.table.Lookup(k)
		if ok = ok && hit.Flags&fdb.Local != 0; !ok && isOver(o.last) && (o.gone || o.last.Err() != nil) {
			delete(b.own, k)
		}
	}
	claim := func(id switchdev.PortID) func(fdb.Key) []waiter {
		return func(k fdb.Key) []waiter {
			if hit, ok := b.table.Lookup(k); b.own[k] != nil || ok && hit.Flags&fdb.User != 0 {
				return nil // what a user put there stands for it
			}
			return b.claim(k, id)
		}
	}
	for _, p := range b.byNumber() {
		tickets = append(tickets, b.homes(p.MAC, p.vlans, claim(p.ID))...)
	}
	if mac := b.setting.mac; !mac.IsZero() {
		tickets = append(tickets, b.homes(mac, b.setting.host, claim(switchdev.PortHost))...)
	}
	return tickets
}

// findAstray brings own addresses to where they are to be, after a device has kept
// them from that. The caller holds the slot.
func (b *Bridge) findAstray() (tickets []waiter) {
	if !b.astray {
		return nil
	}
	b.astray = false
	keys := slices.SortedFunc(maps.Keys(b.own), fdb.Key.Compare)
	for _, k := range keys {
		o := b.owned(k)
		if !isOver(o.last) {
			b.astray = true // whoever is at it may fail
			continue
		}
		if !o.gone && !b.wanted(k, o.port) {
			tickets = append(tickets, b.release(k, o.port, false)...)
		}
	}
	return append(tickets, b.reclaim()...)
}

// wanted reports whether k is to be an own address of a port. One that is about to
// join sees to its own.
func (b *Bridge) wanted(k fdb.Key, id switchdev.PortID) bool {
	if id == switchdev.PortHost {
		return b.setting.mac == k.MAC && b.at(b.setting.host, k.VLAN)
	}
	p := b.ports[id]
	if p == nil {
		_, joins := b.numbers[id]
		return joins
	}
	return p.MAC == k.MAC && b.at(p.vlans, k.VLAN)
}

// byNumber returns the ports in order. The caller holds the slot.
func (b *Bridge) byNumber() []*port {
	all := make([]*port, 0, len(b.ports))
	for _, p := range b.ports {
		all = append(all, p)
	}
	slices.SortFunc(all, func(x, y *port) int { return cmp.Compare(x.ID, y.ID) })
	return all
}

// lowest returns the address that the bridge has of its ports, or was given
// (br_stp_if.c, br_stp_recalculate_bridge_id). The caller holds the slot.
func (b *Bridge) lowest() switchdev.MAC {
	if b.explicit {
		return b.setting.mac
	}
	var lowest switchdev.MAC
	for _, p := range b.ports {
		if lowest.IsZero() || p.MAC.Compare(lowest) < 0 {
			lowest = p.MAC
		}
	}
	return lowest
}

// rename changes the bridge's address to mac around f, which may be nil and
// changes those of ports: an address that the bridge is about to lose does not
// pass to it meanwhile. The caller holds the slot.
func (b *Bridge) rename(mac switchdev.MAC, f func() []waiter) (tickets []waiter) {
	old := b.setting.mac
	b.setting.mac = mac
	b.sweepGone()
	if f != nil {
		tickets = f()
	}
	if old == mac {
		return tickets
	}
	b.tree.rename(mac)
	return append(tickets, b.homes(mac, b.setting.host, func(k fdb.Key) (tickets []waiter) {
		if !old.IsZero() {
			tickets = b.release(fdb.Key{MAC: old, VLAN: k.VLAN}, switchdev.PortHost, false)
		}
		if !mac.IsZero() {
			tickets = append(tickets, b.claim(k, switchdev.PortHost)...)
		}
		return tickets
	})...)
}

// sweepGone forgets addresses whose deletion is over. The caller holds the slot.
func (b *Bridge) sweepGone() {
	for k, o := range b.own {
		if o.gone && isOver(o.last) && o.last.Err() == nil {
			delete(b.own, k)
		}
	}
}

// relocate moves own addresses when it changes whether they are in VLAN 0 only. The
// caller holds the slot.
func (b *Bridge) relocate(only0 bool) (tickets []waiter) {
	move := func(mac switchdev.MAC, id switchdev.PortID, m *membership) {
		for v := range m.member.All() {
			k := fdb.Key{MAC: mac, VLAN: v}
			if only0 {
				tickets = append(tickets, b.release(k, id, false)...)
			} else {
				tickets = append(tickets, b.claim(k, id)...)
			}
		}
	}
	b.setting.local0 = only0
	for _, p := range b.byNumber() {
		move(p.MAC, p.ID, p.vlans)
	}
	if mac := b.setting.mac; !mac.IsZero() {
		move(mac, switchdev.PortHost, b.setting.host)
	}
	b.publish()
	return tickets
}
