package switchdevtest

import (
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// The hooks of the kit. They find the reference behind whatever wraps it.

func refOf(d switchdev.Driver) *reference {
	ref, _ := switchdev.As[*reference](d)
	return ref
}

func hangReference(drv switchdev.Driver) func() {
	d, hang := refOf(drv), make(chan struct{})
	d.mu.Lock()
	d.hang = hang
	d.mu.Unlock()
	return func() {
		d.mu.Lock()
		d.hang = nil
		d.mu.Unlock()
		close(hang)
	}
}

func slowReference(drv switchdev.Driver, perOp time.Duration) {
	d := refOf(drv)
	d.mu.Lock()
	d.perOp = perOp
	d.mu.Unlock()
}

func learnReference(drv switchdev.Driver, domain switchdev.Domain, port switchdev.PortID, key switchdev.FDBKey) {
	d := refOf(drv)
	d.mu.Lock()
	if g := d.lagOf(port); g != 0 && !d.has("lag/learned") {
		port = g
	}
	k := d.rowKey(domain, key, port)
	if row, held := d.rows[k]; !held && !d.full() || held && row.learned {
		d.rows[k] = refRow{port: port, flags: switchdev.FDBHWLearned, learned: true}
	}
	d.report(switchdev.Report{Kind: switchdev.ReportLearned, Domain: domain, Port: port, Key: key, Gen: d.joins[port]})
	d.mu.Unlock()
	if d.has("report/in-order") { // late, so that there is something to swap
		go func() {
			time.Sleep(time.Second)
			d.drain()
		}()
		return
	}
	d.drain()
}

func referenceOptions() []Option {
	return []Option{
		WithHang(hangReference), WithSlow(slowReference), WithLearn(learnReference), WithStress(30),
		WithShared(func(u switchdev.Usage) int { return u.FDB + u.VLANs }),
	}
}
