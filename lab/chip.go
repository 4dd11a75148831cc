package lab

import (
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// NewChip makes the switch that a [Config] without NewSwitch has: a chip of package hwsim
// that takes static and external entries and forwards by them, learns by itself, and of the
// flags of ports knows learning only. It is there to be wrapped: a NewSwitch that returns
// it with another Driver, such as that of switchdevtest.Faulty over it, is a device that
// fails. Its driver answers every operation within the call; one before it has to do the
// same, since what it does in goroutines of its own takes real time, which the lab does not
// wait for. Errors are those of hwsim.New.
func NewChip(c SwitchConfig) (Switch, error) {
	mc := machine.SwitchConfig{
		Name: c.Name, Start: c.Start, Rocker: c.Rocker, Logger: c.Logger,
		Egress: c.Egress, Trap: c.Trap,
	}
	for _, p := range c.Ports {
		mc.Ports = append(mc.Ports, machine.SwitchPort(p))
	}
	sw, err := machine.OpenChip(mc)
	if err != nil {
		return nil, err
	}
	return chip{sw}, nil
}

// chip is the machine's own switch as a user has it.
type chip struct{ machine.Switch }

// Driver implements [Switch].
func (c chip) Driver() switchdev.Driver {
	d := c.Switch.Driver()
	if hw, ok := switchdev.As[*hwsim.Chip](d); ok {
		return blocking{Chip: hw}
	}
	return d
}

// Rows implements [Switch].
func (c chip) Rows() []switchdev.FDBRow {
	rows := c.Switch.Rows()
	out := make([]switchdev.FDBRow, len(rows))
	for i, r := range rows {
		out[i] = r.FDBRow
	}
	return out
}

// blocking is a chip without the role switchdev.FDBSubmitter: of two methods SubmitFDB that
// are embedded at one depth neither counts. A decorator that passes on submitted batches
// does that in a goroutine.
type blocking struct {
	*hwsim.Chip
	unsubmitting
}

type unsubmitting struct{}

// SubmitFDB is not to be called.
func (unsubmitting) SubmitFDB() {}
