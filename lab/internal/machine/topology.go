package machine

// AddPorts is "lab ports": pN is a new pair with the station hN, up. A port that is there
// is taken up.
func (m *Machine) AddPorts(names ...string) error {
	if err := m.checkPorts(names, false); err != nil {
		return err
	}
	for _, name := range names {
		d, err := m.plug(name)
		if err == nil {
			err = m.setUp(d, true)
		}
		if err != nil {
			return refused(err)
		}
	}
	return nil
}

// AddBridge is "lab bridge": a bridge with the address 02:00:00:00:00:fe and what c says,
// up, and then each port in order: enslaved, and up. EEXIST if there is a device of that
// name; nothing has changed then, nor after a refusal of what c says.
func (m *Machine) AddBridge(name string, c BridgeChange, ports []string) error {
	return m.build(name, &c, ports, false)
}

// build makes a bridge, over a switch or not.
func (m *Machine) build(name string, c *BridgeChange, ports []string, rack bool) error {
	if err := m.checkPorts(ports, rack); err != nil {
		return err
	}
	switch {
	case !ValidName(name):
		return refuse(EINVAL, "")
	case m.find("", name) != nil:
		return refuse(EEXIST, "")
	}
	return refused(m.addBridge(name, c, ports, rack))
}

func (m *Machine) addBridge(name string, c *BridgeChange, ports []string, rack bool) error {
	told := len(m.spaces[""].journal.rows)
	b, err := m.openBridge(name)
	if err != nil {
		return err
	}
	if err := m.changeBridge(b, c); err != nil {
		_ = m.closeBridge(b)
		m.spaces[""].journal.rows = m.spaces[""].journal.rows[:told] // there was none
		return err
	}
	if rack {
		m.showRack()
	}
	if err := m.setUp(b.dev, true); err != nil {
		return err
	}
	for _, name := range ports {
		d, err := m.plug(name)
		if err == nil {
			master := b.dev.name
			err = m.setMaster(d, &LinkChange{Master: &master})
		}
		if err == nil {
			err = m.setUp(d, true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// AddSwitch is "lab switch": AddBridge after which the ports s1 to s4 of the switch sw1
// are there.
func (m *Machine) AddSwitch(name string, c BridgeChange, ports []string) error {
	return m.build(name, &c, ports, true)
}

// checkPorts refuses names that no port of the lab can have.
func (m *Machine) checkPorts(names []string, rack bool) error {
	for _, name := range names {
		switch n, ok := portNumber(name); {
		case m.find("", name) != nil:
		case ok && name[0] == 's' && rack && !m.rack.shown && n <= rackPorts:
		case ok && name[0] == 'p':
			if m.find("", "h"+name[1:]) != nil || rack && !m.rack.shown && n <= rackPorts {
				return &Unsupported{What: "a second port with the station h" + name[1:]}
			}
		default:
			return &Unsupported{What: "port " + name}
		}
	}
	return nil
}

// portNumber returns N of a name such as pN or sN.
func portNumber(name string) (n int, ok bool) {
	if len(name) != 2 || name[0] != 'p' && name[0] != 's' || name[1] < '1' || name[1] > '9' {
		return 0, false
	}
	return int(name[1] - '0'), true
}

// plug returns the port of that name, which is a new pair if there is none.
func (m *Machine) plug(name string) (*device, error) {
	if d := m.find("", name); d != nil {
		return d, nil
	}
	n, _ := portNumber(name)
	h := m.add(&device{name: "h" + name[1:], kind: Veth, mac: stationMAC(n), station: true}) // the peer is first (veth_newlink)
	p := m.add(&device{name: name, kind: Veth, mac: portMAC(n), peer: h})
	h.peer = p
	return p, m.setUp(h, true)
}
