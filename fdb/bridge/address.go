package bridge

import (
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// ownAddress is an address whose entry the bridge put into the table.
type ownAddress struct {
	port switchdev.PortID // on which the entry is
	last *fdb.Ticket      // the operation that wrote it, or deletes it
	gone bool             // it deletes it
}

// claim makes mac an own address on port, unless it is one already: several
// ports may have the same address, and the first has the entry. An entry of
// another kind is deleted and replaced; one that a user made local stays his
// (br_fdb.c, fdb_add_local). It returns what is to be waited for. The caller
// holds the slot.
func (b *Bridge) claim(mac switchdev.MAC, port switchdev.PortID) []*fdb.Ticket {
	k := fdb.Key{MAC: mac}
	hit, known := b.table.Lookup(k)
	o := b.own[mac]
	switch {
	case o != nil && !isOver(o.last) && o.gone: // on its way out, and visible until then
		return b.put(mac, port)
	case o != nil && !isOver(o.last):
		return nil
	case known && hit.Flags&fdb.Local != 0:
		if o != nil && o.gone && hit.Port == port { // it could not be deleted
			o.gone = false
		}
		return nil
	}
	if known {
		b.replaced = append(b.replaced, fdb.Entry{Key: k, Port: hit.Port})
		b.table.SubmitDelete(k, hit.Port) // what follows on the key holds whatever becomes of it
	}
	return b.put(mac, port)
}

// put writes an own address. The caller holds the slot.
func (b *Bridge) put(mac switchdev.MAC, port switchdev.PortID) []*fdb.Ticket {
	ticket := b.table.SubmitReplace(fdb.Entry{Key: fdb.Key{MAC: mac}, Port: port, Flags: fdb.Permanent, Owner: fdb.OwnerBridge})
	b.own[mac] = &ownAddress{port: port, last: ticket}
	return []*fdb.Ticket{ticket}
}

// release ends port's claim to mac. The entry goes to another port with that
// address, or to the bridge if it has it, else it is deleted, which byFlush
// leaves to a flush of the port (br_fdb.c, fdb_delete_local). One that a user
// has deleted or written in the meantime stays so. The caller holds the slot.
func (b *Bridge) release(mac switchdev.MAC, port switchdev.PortID, byFlush bool) []*fdb.Ticket {
	o := b.own[mac]
	if o == nil || o.port != port || o.gone {
		return nil
	}
	delete(b.own, mac)
	k := fdb.Key{MAC: mac}
	if hit, ok := b.table.Lookup(k); isOver(o.last) && (!ok || hit.Port != port || hit.Flags&(fdb.Local|fdb.User) != fdb.Local) {
		return nil
	}
	if heir, ok := b.heir(mac, port); ok {
		return b.put(mac, heir)
	}
	if byFlush {
		return nil
	}
	ticket := b.table.SubmitDelete(k, port)
	b.own[mac] = &ownAddress{port: port, last: ticket, gone: true}
	return []*fdb.Ticket{ticket}
}

// heir returns who else has the address: the lowest such port, or the bridge.
func (b *Bridge) heir(mac switchdev.MAC, port switchdev.PortID) (switchdev.PortID, bool) {
	lowest, found := switchdev.MaxPort, false
	for id, p := range b.ports {
		if id != port && p.MAC == mac && id <= lowest {
			lowest, found = id, true
		}
	}
	if found {
		return lowest, true
	}
	return switchdev.PortHost, port != switchdev.PortHost && b.mac == mac
}

// reclaim claims the addresses that nobody's entry stands for, after something
// went wrong or a user's entry left with its port. What a user deleted is not
// among them. The caller holds the slot.
func (b *Bridge) reclaim() (tickets []*fdb.Ticket) {
	for mac, o := range b.own {
		if _, ok := b.table.Lookup(fdb.Key{MAC: mac}); !ok && isOver(o.last) && (o.gone || o.last.Err() != nil) {
			delete(b.own, mac)
		}
	}
	claim := func(mac switchdev.MAC, id switchdev.PortID) {
		if b.own[mac] == nil {
			tickets = append(tickets, b.claim(mac, id)...)
		}
	}
	for _, p := range newView(b.ports, b.mac, false).ports {
		claim(p.MAC, p.ID)
	}
	if !b.mac.IsZero() {
		claim(b.mac, switchdev.PortHost)
	}
	return tickets
}

// lowest returns the address that the bridge has of its ports, or was given
// (br_stp_if.c, br_stp_recalculate_bridge_id). The caller holds the slot.
func (b *Bridge) lowest() switchdev.MAC {
	if b.explicit {
		return b.mac
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
func (b *Bridge) rename(mac switchdev.MAC, f func() []*fdb.Ticket) (tickets []*fdb.Ticket) {
	old := b.mac
	b.mac = mac
	b.sweepGone()
	if f != nil {
		tickets = f()
	}
	if old == mac {
		return tickets
	}
	tickets = append(tickets, b.release(old, switchdev.PortHost, false)...)
	if !mac.IsZero() {
		tickets = append(tickets, b.claim(mac, switchdev.PortHost)...)
	}
	return tickets
}

// sweepGone forgets addresses whose deletion is over. The caller holds the slot.
func (b *Bridge) sweepGone() {
	for mac, o := range b.own {
		if o.gone && isOver(o.last) && o.last.Err() == nil {
			delete(b.own, mac)
		}
	}
}
