package bridge_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// TestAgreesWithPlainBridge lets a bridge and a slow model with VLANs go through the
// same frames, changes and times. After every step it compares the bytes of every
// copy, all entries, and what was told of own addresses.
func TestAgreesWithPlainBridge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) { newDuel(rt).run() })
}

// duel is a bridge and its model.
type duel struct {
	*rapid.T
	b   *bridge.Bridge
	s   *plain
	sub *fdb.Subscription
	now time.Time
	out bridge.Egress
	log map[fdb.Key]bool // what events say is in the table
}

const lagPort = 5 // which has the links 51 and 52

func newDuel(t *rapid.T) *duel {
	d := &duel{T: t, now: begin, log: make(map[fdb.Key]bool)}
	filtering, local0 := rapid.Bool().Draw(t, "filtering"), rapid.Bool().Draw(t, "local0")
	var err error
	d.b, err = bridge.New(bridge.Config{
		MAC: hostMAC, Manual: true, Start: begin, Table: fdb.Config{Ageing: hold},
		VLAN: bridge.VLANConfig{Filtering: filtering, DefaultPVID: 1, LocalInVLAN0: local0},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.b.Poll(begin)
	if d.sub, err = d.b.Table().Subscribe(fdb.SubscribeOptions{}); err != nil {
		t.Fatal(err)
	}
	host := &plainPort{mac: hostMAC, member: member{untagged: map[switchdev.VLAN]bool{1: true}, pvid: 1}}
	d.s = &plain{ports: map[int]*plainPort{0: host}, table: make(map[fdb.Key]station),
		up: true, filtering: filtering, local0: local0, proto: uint16(ctag), pvid: 1}
	for _, v := range d.s.homes(host) {
		d.s.claim(hostMAC, v, 0)
		d.log[fdb.Key{MAC: hostMAC, VLAN: v}] = true
	}
	d.s.told = nil
	return d
}

// do carries an operation out, which is to succeed or not.
func (d *duel) do(k ticket, want bool) bool {
	d.b.Poll(d.now)
	select {
	case <-k.Done():
	default:
		d.Fatal("not over")
	}
	if (k.Err() == nil) != want {
		d.Fatalf("error %v, want success %v", k.Err(), want)
	}
	return want
}

func pick[T any](d *duel, name string, of ...T) T { return rapid.SampledFrom(of).Draw(d.T, name) }

func (d *duel) number() int { return pick(d, "port", 1, 2, 3, 4, lagPort) }

func (d *duel) unicast() switchdev.MAC {
	return pick(d, "mac", mac(1), mac(2), mac(3), portMAC(1), portMAC(2), portMAC(3), hostMAC)
}

func (d *duel) vlan() switchdev.VLAN { return pick[switchdev.VLAN](d, "vlan", 1, 2, 3) }

func (d *duel) coin(name string) bool { return rapid.Bool().Draw(d.T, name) }

// data makes a frame: with tags of both protocols, and cut short now and then.
func (d *duel) data() []byte {
	f := frameOf(pick(d, "dst", pool()...), pick(d, "src", pool()...))
	for range rapid.IntRange(0, 2).Draw(d.T, "tags") {
		tci := pick[uint16](d, "tci", 0, 1, 2, 3, 4, 4095, 6<<13, 0xf002)
		tag := binary.BigEndian.AppendUint16(nil, uint16(pick(d, "proto", ctag, ctag, stag)))
		f = slices.Insert(f, 12, binary.BigEndian.AppendUint16(tag, tci)...)
	}
	if rapid.IntRange(0, 9).Draw(d.T, "cut") == 0 {
		f = f[:rapid.IntRange(0, 20).Draw(d.T, "length")]
	}
	return f
}

func (d *duel) frame() {
	in, f := pick(d, "in", 0, 1, 2, 3, 4, lagPort, 51, 52), d.data()
	was := slices.Clone(f)
	var v bridge.Verdict
	if in == 0 {
		v = d.b.Transmit(f, &d.out)
	} else {
		v = d.b.Forward(switchdev.PortID(in), f, &d.out)
	}
	want := d.s.forward(in, was, d.now)
	var got []copyOf
	if v.Host {
		got = append(got, copyOf{0, string(d.out.HostFrame(f))})
	}
	for i, id := range d.out.Ports() {
		to := int(id)
		if to > 50 {
			if !d.s.ports[lagPort].links[to] {
				d.Fatalf("sent by link %d, which is down", to)
			}
			to = lagPort
		} else if to == lagPort {
			d.Fatal("sent by the number of a port that has links")
		}
		got = append(got, copyOf{to, string(d.out.Frame(i, f))})
	}
	slices.SortStableFunc(got, func(a, b copyOf) int { return a.port - b.port })
	if !slices.Equal(got, want) {
		d.Fatalf("%x from %d, %v:\n%s\nwant\n%s", was, in, v.Reason, listed(got), listed(want))
	}
	if _, p := d.s.whose(in); v.Learned != fdb.Ignored && !d.s.learns && p.flags&switchdev.PortMAB == 0 {
		d.Fatalf("%x from %d is not to teach anything: %v", was, in, v.Learned)
	}
	if !bytes.Equal(f, was) {
		d.Fatal("the frame itself was changed")
	}
	if v.Reason.Dropped() && d.out.Len() > 0 || !v.Reason.Dropped() && len(want) == 0 {
		d.Fatalf("%v, and %d copies", v.Reason, len(want))
	}
}

func listed(all []copyOf) string {
	var s strings.Builder
	for _, c := range all {
		fmt.Fprintf(&s, "  %d: %x\n", c.port, c.data)
	}
	return s.String()
}

func (d *duel) run() {
	defer d.b.Close()
	defer d.sub.Close()
	act := func(f func()) func(*rapid.T) {
		return func(t *rapid.T) {
			defer func(outer *rapid.T) { d.T = outer }(d.T)
			d.T = t
			f()
		}
	}
	d.Repeat(map[string]func(*rapid.T){
		"frame": act(d.frame), "frame2": act(d.frame), "frame3": act(d.frame), "frame4": act(d.frame), "frame5": act(d.frame),
		"add": act(d.addPort), "add2": act(d.addPort), "remove": act(d.removePort), "runs": act(d.runs), "setting": act(d.setting),
		"port": act(d.portSetting), "VLAN": act(d.membership), "VLAN2": act(d.membership), "edit": act(d.edit),
		"time": act(func() {
			d.now = d.now.Add(time.Duration(rapid.IntRange(1, 60).Draw(d.T, "half seconds")) * time.Second / 2)
			d.b.Poll(d.now)
			d.s.age(d.now)
		}),
		"": act(d.compare),
	})
}

// compare compares the tables, and the events with both.
func (d *duel) compare() {
	d.b.Poll(d.now)
	var own []string
	for {
		e, ok, err := d.sub.TryNext()
		if err != nil {
			d.Fatal(err)
		}
		if !ok {
			break
		}
		kind, there := e.Kind.String(), true
		switch e.Kind {
		case fdb.Deleted, fdb.Flushed, fdb.Aged:
			kind, there = "deleted", false
		}
		if d.log[e.Entry.Key] == (kind == "added") {
			d.Fatalf("%v of %v", e.Kind, e.Entry)
		}
		d.log[e.Entry.Key] = there
		if e.Entry.Flags&fdb.Local != 0 {
			own = append(own, kind+" "+e.Entry.Key.String()+"@"+e.Entry.Port.String())
		}
	}
	slices.Sort(own)
	slices.Sort(d.s.told)
	if !slices.Equal(own, d.s.told) {
		d.Fatalf("own addresses: told\n%q, want\n%q", own, d.s.told)
	}
	d.s.told = nil
	n := 0
	for e := range d.b.Table().All() {
		n++
		want, ok := d.s.table[e.Key]
		if !ok || int(e.Port) != want.port || e.Flags&^fdb.User != want.flags || !d.log[e.Key] {
			d.Fatalf("%v is at %d, %v; want %d, %v (known %v)", e.Key, e.Port, e.Flags, want.port, want.flags, ok)
		}
	}
	if n != len(d.s.table) {
		d.Fatalf("%d entries, want %d: %v", n, len(d.s.table), d.s.table)
	}
}
