package live

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"
)

// monitor speaks to the monitor of the virtual machine that this program runs in,
// which knows the tables of its devices. The protocol is that of QEMU (QMP): JSON
// objects in both directions.
type monitor struct {
	conn interface {
		Read([]byte) (int, error)
		Write([]byte) (int, error)
		Close() error
		SetDeadline(time.Time) error
	}
	replies *json.Decoder
	asked   int
	limit   time.Duration
}

// openMonitor opens a Unix socket or a character device.
func openMonitor(path string, limit time.Duration) (*monitor, error) {
	m := &monitor{limit: limit}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode()&os.ModeSocket != 0 {
		m.conn, err = net.Dial("unix", path)
	} else {
		m.conn, err = os.OpenFile(path, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, err
	}
	m.replies = json.NewDecoder(m.conn)
	if _, err := m.reply("qmp_capabilities", nil); err != nil {
		m.conn.Close()
		return nil, err
	}
	return m, nil
}

// answer is what the monitor says to a command.
type answer struct {
	ID     int             `json:"id"`
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Desc string `json:"desc"`
	} `json:"error"`
}

// reply gives a command and reads until its answer. An error that the monitor
// answers with is in the answer.
func (m *monitor) reply(command string, arguments any) (answer, error) {
	m.asked++
	request := map[string]any{"execute": command, "id": m.asked}
	if arguments != nil {
		request["arguments"] = arguments
	}
	text, err := json.Marshal(request)
	if err != nil {
		return answer{}, err
	}
	// Not every device can have a deadline.
	_ = m.conn.SetDeadline(time.Now().Add(m.limit))
	if _, err := m.conn.Write(append(text, '\n')); err != nil {
		return answer{}, fmt.Errorf("live: monitor: %w", err)
	}
	for {
		var a answer
		if err := m.replies.Decode(&a); err != nil {
			return answer{}, fmt.Errorf("live: monitor: %w", err)
		}
		if a.ID == m.asked { // the others are greetings and events
			return a, nil
		}
	}
}

// ask is reply where an error is an error.
func (m *monitor) ask(into any, command string, arguments any) error {
	a, err := m.reply(command, arguments)
	if err == nil && a.Error != nil {
		err = fmt.Errorf("live: monitor: %s: %s", command, a.Error.Desc)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(a.Return, into)
}

// flow is a row of a table of the switch.
type flow struct {
	Key struct {
		VLAN int    `json:"vlan-id"`
		Dst  string `json:"eth-dst"`
	} `json:"key"`
	Mask struct {
		Dst string `json:"eth-dst"`
	} `json:"mask"`
	Action struct {
		Group *uint32 `json:"group-id"`
	} `json:"action"`
}

const (
	bridgingTable  = 50     // of OF-DPA, see linux drivers/net/ethernet/rocker/rocker_hw.h
	firstInternal  = 0x0f00 // rocker_ofdpa.c: VLANs that stand for the untagged frames of a bridge
	switchName     = "sw1"
	switchPorts    = 4
	groupPortMask  = 0xffff
	interfaceGroup = 0 // its type, in the upper four bits of a group
)

// rows are the unicast rows of the switch's own table, as "lab hw" prints them.
func (m *monitor) rows() ([]string, error) {
	var flows []flow
	if err := m.ask(&flows, "query-rocker-of-dpa-flows", map[string]any{"name": switchName, "tbl-id": bridgingTable}); err != nil {
		return nil, err
	}
	var out []string
	for _, f := range flows {
		if f.Key.Dst == "" || f.Mask.Dst != "" && f.Mask.Dst != "ff:ff:ff:ff:ff:ff" || f.Action.Group == nil || *f.Action.Group>>28 != interfaceGroup {
			continue
		}
		vlan, port := f.Key.VLAN, "cpu"
		if vlan >= firstInternal {
			vlan = 0
		}
		if n := *f.Action.Group & groupPortMask; n != 0 {
			port = fmt.Sprint("s", n)
		}
		out = append(out, fmt.Sprintf("hw vlan %d mac %s port %s", vlan, f.Key.Dst, port))
	}
	return out, nil
}
