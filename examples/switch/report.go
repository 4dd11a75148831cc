package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// reasons counts dropped frames by why.
type reasons map[string]uint64

// add counts those of r in too.
func (n reasons) add(r reasons) {
	for why, count := range r {
		n[why] += count
	}
}

// String returns the reasons as the end of a line.
func (n reasons) String() string {
	text, comma := "", "  "
	for _, why := range slices.Sorted(maps.Keys(n)) {
		text += fmt.Sprintf("%s%s %d", comma, why, n[why])
		comma = ", "
	}
	return text
}

func (n reasons) sum() (all uint64) {
	for _, count := range n {
		all += count
	}
	return all
}

// lost returns what a port has dropped, in hardware and in software.
func (s *ethernetSwitch) lost(port switchdev.PortID) reasons {
	n := reasons{}
	n.add(s.drops[port])
	for why, count := range s.ports[port].Counters().Drops {
		if count > 0 {
			n.add(reasons{hwsim.DropReason(why).String(): count})
		}
	}
	return n
}

// report prints what has happened.
func (s *ethernetSwitch) report(w io.Writer, rec *recording, opt options) error {
	out := &strings.Builder{} // so that there is one write, and one error to look at
	fmt.Fprintf(out, "%s: %d frames in %v, %d ports\n", rec.name, len(rec.frames), rec.span().Round(time.Millisecond), len(rec.ports))
	if rec.dealt {
		fmt.Fprintf(out, "The capture does not know ports: its stations were dealt out to %d ports as they appeared.\n", len(rec.ports))
	}
	for i, fault := range s.faults {
		fmt.Fprintf(out, "fault %s: struck %d operations\n", opt.faults[i].spec, fault.Hits())
	}
	s.reportFrames(out, rec.ports)
	if err := reportTable(out, s.bridge, opt.json); err != nil {
		return err
	}
	reportHardware(out, s.bridge, s.chip)
	fmt.Fprintf(out, "station moves: %d\nsent to where the station had been: %d\nunintended floods: %d\n",
		s.observer.moves, s.observer.late, s.observer.floods)
	_, err := io.WriteString(w, out.String())
	return err
}

// reportFrames prints the counts by port and by class.
func (s *ethernetSwitch) reportFrames(out io.Writer, ports []string) {
	all := reasons{}
	fmt.Fprintf(out, "\n%-8s%8s%8s%9s\n", "port", "rx", "tx", "dropped")
	for i, name := range ports {
		n, lost := s.ports[portID(i)].Counters(), s.lost(portID(i))
		all.add(lost)
		fmt.Fprintf(out, "%-8s%8d%8d%9d%v\n", name, n.RxFrames, n.TxFrames, lost.sum(), lost)
	}
	fmt.Fprintln(out)
	for c, name := range classNames {
		fmt.Fprintf(out, "%-28s%5d", name, s.observer.classes[c])
		if class(c) == dropped {
			fmt.Fprint(out, all)
		}
		fmt.Fprintln(out)
	}
}

// reportTable prints who is where.
func reportTable(out io.Writer, b *bridge.Bridge, json bool) error {
	show, command := b.WriteFDB, "bridge"
	if json {
		show, command = b.WriteFDBJSON, "bridge -j"
	}
	fmt.Fprintf(out, "\n%s fdb show br %s:\n", command, b.Name())
	return show(out)
}

// reportHardware prints what the table asked of the chip, and what came of it.
func reportHardware(out io.Writer, b *bridge.Bridge, c *hwsim.Chip) {
	hw, chip, waiting := b.Table().Stats().Hardware, c.Stats(), 0
	for _, batch := range c.Operations() {
		waiting += batch.Count - batch.Executed
	}
	fmt.Fprintf(out, "\nhardware calls: %d with %d operations; refused %d, outcome unknown %d, offered again %d, still waiting %d; resets %d\n",
		hw.Calls, hw.Operations, hw.Refused, hw.Unknown, hw.Retried, waiting, chip.Resets)
}
