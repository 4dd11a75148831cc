package bridge

import (
	"errors"

	"github.com/switchcore/switchcore/switchdev"
)

// posted is what a device is believed to know of the bridge's attributes. One that was
// told nothing does not look at VLANs, and ages by nobody's time.
type posted struct {
	known want                 // but for the VLANs
	sure  switchdev.BridgeAttr // which of them are
	told  bool                 // something
}

// distrust notes that the device may have gone back to what it began with.
func (p *posted) distrust() {
	p.sure &^= switchdev.BridgeAttrAgeing
	if p.known.filtering || p.known.protocol != switchdev.EtherTypeVLAN {
		p.sure = 0
	}
}

// lacks returns which attributes the device is to be told so that it knows what is
// wanted.
func (l *ledger) lacks(w *want, resets uint64) (set switchdev.BridgeAttr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hear(resets)
	p := l.posting()
	sure := func(a switchdev.BridgeAttr) bool { return p.sure&a != 0 }
	if !sure(switchdev.BridgeAttrFiltering) || p.known.filtering != w.filtering {
		set |= switchdev.BridgeAttrFiltering
	}
	if !sure(switchdev.BridgeAttrProtocol) || p.known.protocol != w.protocol {
		set |= switchdev.BridgeAttrProtocol
	}
	if !sure(switchdev.BridgeAttrAgeing) || p.known.ageing != w.ageing {
		set |= switchdev.BridgeAttrAgeing
	}
	return set
}

// post writes down what became of telling a device attributes. One that leaves them to
// software is not told again.
func (l *ledger) post(set switchdev.BridgeAttr, w *want, err error, resets uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hear(resets)
	p := l.posting()
	switch {
	case errors.Is(err, switchdev.ErrOutcomeUnknown):
		p.sure &^= set
		return
	case err != nil && !errors.Is(err, errors.ErrUnsupported):
		return
	}
	p.sure |= set
	if set&switchdev.BridgeAttrFiltering != 0 {
		p.known.filtering = w.filtering
	}
	if set&switchdev.BridgeAttrProtocol != 0 {
		p.known.protocol = w.protocol
	}
	if set&switchdev.BridgeAttrAgeing != 0 {
		p.known.ageing = w.ageing
	}
}

// posting returns the attributes. The caller holds mu.
func (l *ledger) posting() *posted {
	p := &l.posted
	if !p.told {
		p.told = true
		p.known.protocol = switchdev.EtherTypeVLAN
		p.sure = switchdev.BridgeAttrFiltering | switchdev.BridgeAttrProtocol
	}
	return p
}

// left notes that the device has no port of the bridge any more: it may forget one that
// it has no ports of.
func (l *ledger) left() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.posting().distrust()
}
