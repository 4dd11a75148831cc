package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// fake is the smallest device: it holds ports and rows, and refuses what its
// hook says.
type fake struct {
	name string
	mu   sync.Mutex
	// Guarded by mu.
	ports  map[switchdev.PortID]switchdev.PortOp
	rows   map[switchdev.FDBKey]switchdev.FDBEntry
	log    []string
	epoch  switchdev.Epoch
	ageing []time.Duration    // as it was told
	attrs  switchdev.BridgeOp // what it was told of VLANs, as it holds
	refuse func(what string, p switchdev.PortID) error
}

func newFake(name string) *fake {
	return &fake{name: name, epoch: 1, ports: make(map[switchdev.PortID]switchdev.PortOp), rows: make(map[switchdev.FDBKey]switchdev.FDBEntry)}
}

func (f *fake) Name() string { return f.name }

func (f *fake) Close() error { return nil }

func (f *fake) refusing(hook func(what string, p switchdev.PortID) error) {
	f.mu.Lock()
	f.refuse = hook
	f.mu.Unlock()
}

// errDone is the answer that nobody hears of something that was done all the same.
var errDone = fmt.Errorf("%w: it was done", switchdev.ErrOutcomeUnknown)

func undone(err error) bool { return err != nil && !errors.Is(err, errDone) }

// judge says what becomes of an operation, and writes it down.
func (f *fake) judge(what string, p switchdev.PortID) error {
	f.log = append(f.log, what+" "+p.String())
	if f.refuse == nil {
		return nil
	}
	return f.refuse(what, p)
}

func (f *fake) CheckPorts(_ context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, op := range ops {
		results[i] = switchdev.Result{Token: op.Token, Epoch: f.epoch, Err: f.judge("check", op.Port)}
	}
}

func (f *fake) ApplyPorts(_ context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := map[switchdev.PortVerb]string{switchdev.PortJoin: "join", switchdev.PortLeave: "leave", switchdev.PortSet: "set"}
	for i, op := range ops {
		err := f.judge(names[op.Verb], op.Port)
		results[i] = switchdev.Result{Token: op.Token, Epoch: f.epoch, Err: err}
		if undone(err) {
			continue
		}
		old := f.ports[op.Port]
		switch op.Verb {
		case switchdev.PortLeave:
			delete(f.ports, op.Port)
			maps.DeleteFunc(f.rows, func(_ switchdev.FDBKey, e switchdev.FDBEntry) bool {
				return e.Port == op.Port && e.Flags&switchdev.FDBLocal == 0
			})
		case switchdev.PortJoin:
			f.ports[op.Port] = op
		default:
			if op.Set&switchdev.PortAttrState != 0 {
				old.State = op.State
			}
			if op.Set&switchdev.PortAttrUp != 0 {
				old.Up = op.Up
			}
			if op.Set&switchdev.PortAttrFlags != 0 {
				old.Flags = old.Flags&^op.FlagMask | op.Flags
			}
			f.ports[op.Port] = old
		}
	}
}

func (f *fake) CheckBridge(_ context.Context, ops []switchdev.BridgeOp, results []switchdev.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, op := range ops {
		results[i] = switchdev.Result{Token: op.Token, Epoch: f.epoch, Err: f.judge("check-"+attribute(op), 0)}
	}
}

func (f *fake) ApplyBridge(_ context.Context, ops []switchdev.BridgeOp, results []switchdev.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, op := range ops {
		err := f.judge(attribute(op), 0)
		results[i] = switchdev.Result{Token: op.Token, Epoch: f.epoch, Err: err}
		if !undone(err) {
			f.setAttributes(op)
		}
	}
}

func (f *fake) setAttributes(op switchdev.BridgeOp) {
	if op.Set&switchdev.BridgeAttrAgeing != 0 {
		f.ageing = append(f.ageing, op.Ageing)
	}
	if op.Set&switchdev.BridgeAttrFiltering != 0 {
		f.attrs.Filtering = op.Filtering
	}
	if op.Set&switchdev.BridgeAttrProtocol != 0 {
		f.attrs.Protocol = op.Protocol
	}
}

// attribute names what an operation changes of the bridge.
func attribute(op switchdev.BridgeOp) string {
	if op.Set&switchdev.BridgeAttrAgeing != 0 {
		return "ageing"
	}
	return "attributes"
}

func (f *fake) ApplyFDB(_ context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, op := range ops {
		err := f.judge(op.Verb.String(), op.Entry.Port)
		results[i] = switchdev.Result{Token: op.Token, Epoch: f.epoch, Err: err}
		switch {
		case undone(err):
		case op.Verb == switchdev.FDBSet:
			f.rows[op.Entry.Key] = op.Entry
		default:
			delete(f.rows, op.Entry.Key)
		}
	}
}

// holds returns the rows and ports that the device holds.
func (f *fake) holds() (rows map[switchdev.MAC]switchdev.PortID, ports map[switchdev.PortID]switchdev.PortOp) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rows = make(map[switchdev.MAC]switchdev.PortID)
	for k, e := range f.rows {
		rows[k.MAC] = e.Port
	}
	ports = make(map[switchdev.PortID]switchdev.PortOp)
	for id, p := range f.ports {
		ports[id] = p
	}
	return rows, ports
}
