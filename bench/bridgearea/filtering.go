package bridgearea

import (
	"context"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// tagged is the VLAN of the frames that have a tag.
const tagged switchdev.VLAN = 10

// filtering measures a bridge that looks at tags.
func filtering() measure.Group {
	row := func(kind, text string, gate, goal float64) measure.Row {
		return measure.Row{Name: "64k/filtering/" + kind, Ours: kind, Peer: kind + "/peer", Rule: measure.Within, Gate: gate, Goal: goal,
			Text: "with VLAN filtering, a frame between two known stations of 8 ports, with the call of Frame for its copy, " + text + beside}
	}
	return measure.Group{Name: "filtering", Rows: []measure.Row{
		row("untagged", "without a tag, in the VLAN that all ports have as PVID", forwardGate, forwardGoal),
		row("tagged", "with a tag, in a VLAN that all ports have tagged", forwardGate, forwardGoal),
		row("strip", "with a tag, which is taken off: the frame is copied", 0, 0),
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n, count := s.Size(1<<16, 1<<11), s.Size(1<<20, 1<<12)
		const ports = 8
		var m meter
		defer m.close()
		vid := tagged
		for _, k := range []struct {
			name  string
			tag   *switchdev.VLAN
			vlan  switchdev.VLAN // of the stations
			flags switchdev.VLANFlags
			size  int // of the copy
		}{
			{"untagged", nil, 1, 0, minFrame},
			{"tagged", &vid, vid, 0, minFrame + 4},
			{"strip", &vid, vid, switchdev.VLANUntagged, minFrame},
		} {
			if !rec.Wants(k.name) {
				continue
			}
			cfg := config()
			cfg.VLAN.Filtering = true
			w := m.world(newWorldOf(cfg, n, ports, k.vlan, func(w *world) error {
				return w.join(k.vlan, k.flags)
			}))
			if w == nil {
				return m.failed
			}
			frames := newRing(layout{stations: n, ports: ports, tag: k.tag, to: known(n, ports)})
			var out bridge.Egress
			m.add(k.name, count, func(first int) int { return w.forwardCopies(frames, &out, k.size, first, count) })
			m.add(k.name+"/peer", count, func(first int) int { return w.learnDestination(frames, true, first, count) })
		}
		return m.run(s, rec)
	}}
}

// join makes every port a member of a VLAN, unless all are by default.
func (w *world) join(v switchdev.VLAN, flags switchdev.VLANFlags) error {
	if v == 1 {
		return nil
	}
	for p := range w.ports {
		if err := w.AddVLAN(context.Background(), switchdev.PortID(p+1), v, flags); err != nil {
			return err
		}
	}
	return nil
}

// forwardCopies is forward of frames that leave by one port, with the copy for
// it, which has so many bytes.
func (w *world) forwardCopies(a *ring, out *bridge.Egress, size, first, count int) (wrong int) {
	mask := a.len() - 1
	for n := first; n < first+count; n++ {
		data := a.frame(n & mask)
		v := w.Forward(a.in[n&mask], data, out)
		if v.Reason != bridge.ReasonForwarded || v.Learned-fdb.Known > 1 || out.Len() != 1 || len(out.Frame(0, data)) != size {
			wrong++
		}
	}
	return wrong
}
