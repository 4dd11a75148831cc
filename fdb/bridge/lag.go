package bridge

import (
	"context"
	"errors"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// Link is one link of a port that is a link aggregation group (IEEE 802.1AX, a bond
// or a team in Linux): a bridge sees one port, and frames travel by its links.
type Link struct {
	// ID is the number by which frames come in and leave. No port and no other link
	// has it, nor is it 0.
	ID switchdev.PortID
	// Down takes the link out of use for what is to be sent, as LACP or a monitor
	// of the link decides. What comes in by it counts all the same.
	Down bool
}

// maxLinks is what a port may have of links.
const maxLinks = 256

// checkLinks refuses links that cannot be meant.
func checkLinks(op string, id switchdev.PortID, links []Link) error {
	object := "port " + id.String()
	if len(links) > maxLinks {
		return refusal(op, object, "more than 256 links", switchdev.ErrInvalid)
	}
	seen := make(map[switchdev.PortID]bool, len(links))
	for _, l := range links {
		if l.ID == switchdev.PortHost || l.ID == id || seen[l.ID] {
			return refusal(op, object, "link "+l.ID.String()+" is no number of its own", switchdev.ErrInvalid)
		}
		seen[l.ID] = true
	}
	return nil
}

// usable returns the numbers of the links that frames leave by, in order, so that
// who names them in another order changes nothing.
func usable(links []Link) (active []switchdev.PortID) {
	for _, l := range links {
		if !l.Down {
			active = append(active, l.ID)
		}
	}
	slices.Sort(active)
	return active
}

// Links returns the links of a port, none if it is an ordinary one; false if there is
// no such port. Anybody may call it at any time; the slice is the caller's.
func (b *Bridge) Links(id switchdev.PortID) ([]Link, bool) {
	p := b.view.Load().port(id)
	if p == nil || p.ID != id {
		return nil, false
	}
	return slices.Clone(p.links), true
}

// SetLinks changes the links of a port that has some: all that it is to have from
// now on, at least one. Frames follow at once; which link a conversation takes
// changes only if it has to, or if there are more than before. While every link is
// down the port has no carrier, as after [Bridge.SetCarrier].
//
// ErrInvalid for a port without links or links that cannot be meant, ErrBusy for a
// number that is in use, and what the device says if it refuses; see
// [Bridge.SetPortUp] for the other errors. Linux: bond_enslave, bond_release
// (drivers/net/bonding) and the events that drivers hear of them.
func (b *Bridge) SetLinks(ctx context.Context, id switchdev.PortID, links []Link) error {
	return b.SubmitSetLinks(id, links).Wait(ctx)
}

// SubmitSetLinks is SetLinks without the wait. It never blocks.
func (b *Bridge) SubmitSetLinks(id switchdev.PortID, links []Link) *Ticket {
	if err := checkLinks(opLinks, id, links); err != nil {
		return b.refused(err)
	}
	if len(links) == 0 {
		return b.refused(refusal(opLinks, "port "+id.String(), "no links", switchdev.ErrInvalid))
	}
	links = slices.Clone(links)
	o := b.newOp(opLinks, id)
	o.then(func() { o.relink(links) })
	return b.submit(o)
}

// relink gives the port other links.
func (o *op) relink(links []Link) {
	b := o.b
	<-b.slot
	old := b.ports[o.port]
	var err error
	switch {
	case old == nil:
		err = refusal(o.name, "port "+o.port.String(), "", switchdev.ErrNoDevice)
	case len(old.links) == 0:
		err = refusal(o.name, "port "+o.port.String(), "the port has no links", switchdev.ErrInvalid)
	default:
		err = b.reserve(o.name, o.port, links)
	}
	b.unlock()
	if err != nil {
		o.fail(err)
		return
	}
	if d := old.device; d != nil {
		if err := d.tellLAG(o.name, o.port, links); err != nil {
			if errors.Is(err, switchdev.ErrOutcomeUnknown) {
				b.doubtPort(d, o.port, false)
			}
			b.free(links, old.links)
			o.fail(err)
			return
		}
	}
	<-b.slot
	p := *b.ports[o.port]
	p.links, p.active = links, usable(links)
	b.ports[o.port] = &p
	b.publish()
	b.unlock()
	b.free(old.links, links)
	carrier := b.runs(opCarrier, o.port, switchdev.PortAttrState, b.isUp, func(p *Port) { p.Carrier = len(usable(links)) > 0 })
	o.also(carrier, nil)
}

// reserve takes numbers for a port. The caller holds the slot.
func (b *Bridge) reserve(name string, id switchdev.PortID, links []Link) error {
	for _, l := range links {
		if whose, taken := b.numbers[l.ID]; taken && whose != id {
			return refusal(name, "port "+id.String(), "number "+l.ID.String()+" is in use", switchdev.ErrBusy)
		}
	}
	for _, l := range links {
		b.numbers[l.ID] = id
	}
	return nil
}

// free gives numbers back, but for those that are kept.
func (b *Bridge) free(links, kept []Link) {
	<-b.slot
	defer b.unlock()
	for _, l := range links {
		if !slices.ContainsFunc(kept, func(k Link) bool { return k.ID == l.ID }) {
			delete(b.numbers, l.ID)
		}
	}
}

// tellLAG makes the group of a port on the device.
func (d *device) tellLAG(name string, id switchdev.PortID, links []Link) error {
	if d.lags == nil {
		return refusal(name, "port "+id.String(), "the device has no link aggregation", switchdev.ErrUnsupported)
	}
	op := switchdev.LAGOp{Verb: switchdev.LAGSet, Port: id}
	for _, l := range links {
		op.Links = append(op.Links, switchdev.LAGLink{Port: l.ID, Up: !l.Down})
	}
	return d.group(name, op)
}

// endLAG ends it.
func (d *device) endLAG(name string, id switchdev.PortID) error {
	if d.lags == nil {
		return nil
	}
	err := d.group(name, switchdev.LAGOp{Verb: switchdev.LAGDelete, Port: id})
	if errors.Is(err, switchdev.ErrExist) || errors.Is(err, errors.ErrUnsupported) { // it is no group there
		return nil
	}
	return err
}

func (d *device) group(name string, op switchdev.LAGOp) error {
	return d.one(name, "port "+op.Port.String(), func(ctx context.Context, headers []switchdev.Op, results []switchdev.Result) {
		op.Op = headers[0]
		d.lags.ApplyLAGs(ctx, []switchdev.LAGOp{op}, results)
	}, nil)
}
