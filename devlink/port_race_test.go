package devlink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// Ports come and go, are changed and set from elsewhere all at once; who hears the
// stream has at its end what there is.
func TestPortEventsMakeTheView(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{Events: 1 << 16})
	i := driven(t, r, nil, nil)
	s := subscribe(t, r, SubscribeOptions{Replay: true})
	const ports = 6
	var mu sync.Mutex
	known := map[uint32]Port{}
	var wg sync.WaitGroup
	wg.Go(func() {
		random := rand.New(rand.NewPCG(1, 2))
		for range 500 {
			index := random.Uint32N(ports)
			err := i.Do(ctx, func(_ context.Context, l *Locked) error {
				if l.AddPort(PortInfo{Index: index}) == nil {
					p, err := l.Port(index)
					mu.Lock()
					known[index] = p
					mu.Unlock()
					return err
				}
				if random.IntN(3) > 0 {
					return l.UpdatePort(index, func(p *PortInfo) { p.Lanes++ })
				}
				return l.RemovePort(index)
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	for worker := range 2 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(3, uint64(worker)))
			for n := range 2000 {
				mu.Lock()
				p := known[random.Uint32N(ports)]
				mu.Unlock()
				if err := p.SetNetdev(fmt.Sprintf("eth%d", n), 1); err != nil && !errors.Is(err, switchdev.ErrNoDevice) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	model, now := map[Key]Object{}, map[Key]Object{}
	for _, e := range rest(t, s) {
		switch k := e.Object; {
		case k == nil || k.Kind() != KindPort:
		case e.Verb == Deleted:
			if model[k.Key()] != k {
				t.Fatal("deleted in another state than it was told of last", e)
			}
			delete(model, k.Key())
		case (e.Verb == Added) != (model[k.Key()] == nil):
			t.Fatal(e)
		default:
			model[k.Key()] = k
		}
	}
	for o := range r.Snapshot().Objects("", i.handle) {
		if o.Kind() == KindPort {
			now[o.Key()] = o
		}
	}
	if !maps.Equal(model, now) {
		t.Fatal(model, now)
	}
}

// Two goroutines of a driver change the same parameter in different modes, and neither
// change is lost.
func TestParamChangesAtOnceAreNotLost(t *testing.T) {
	speed := Key{Name: "speed"}
	r := newRegistry(t, Config{})
	d := &device{values: map[ParamMode]ParamValue{ParamRuntime: Uint8Value(0)}}
	i := driven(t, r, role{}, func(l *Locked) error { return l.AddParam(d.config(ParamRuntime | ParamDriverInit)) })
	do(t, i, func(l *Locked) error {
		var wg sync.WaitGroup
		wg.Go(func() {
			for n := range 200 {
				if err := l.SetDriverInit(speed, Uint8Value(uint8(n))); err != nil {
					t.Error(err)
				}
			}
		})
		for n := range 200 {
			d.values[ParamRuntime] = Uint8Value(uint8(n))
			if err := l.ParamChanged(speed); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
		return nil
	})
	if got := shown(t, i, speed); got != "runtime=199(7) driverinit=199" {
		t.Fatal(got)
	}
}

func TestNamesAreThoseOfDevlink(t *testing.T) {
	for _, c := range []struct {
		v    fmt.Stringer
		want string
	}{
		{PortNotSet, "notset"}, {PortAuto, "auto"}, {PortEth, "eth"}, {PortIB, "ib"}, {PortIB + 1, "type?"},
		{FlavourPhysical, "physical"}, {FlavourCPU, "cpu"}, {FlavourDSA, "dsa"}, {FlavourPCIPF, "pcipf"}, {FlavourPCIVF, "pcivf"},
		{FlavourPCISF, "pcisf"}, {FlavourVirtual, "virtual"}, {FlavourUnused, "unused"}, {FlavourUnused + 1, "flavour?"},
		{FunctionInactive, "inactive"}, {FunctionActive, "active"}, {FunctionState(0), ""}, {FunctionActive + 1, "state?"},
		{FunctionDetached, "detached"}, {FunctionAttached, "attached"}, {FunctionOpState(0), ""}, {FunctionAttached + 1, "opstate?"},
		{FunctionRoCE | FunctionIPsecPacket, "roce,ipsec_packet"}, {FunctionCaps(0), ""},
		{ParamUint8, "u8"}, {ParamUint64, "u64"}, {ParamString, "string"}, {ParamBool, "bool"}, {ParamBool + 1, "type?"},
		{ParamRuntime, "runtime"}, {ParamDriverInit | ParamPermanent, "driverinit,permanent"},
		{UnitEntry, "entry"}, {UnitEntry + 1, "unit?"},
		{HWAddr("\x00\x1f\xff"), "00:1f:ff"}, {HWAddr(""), ""},
	} {
		if got := c.v.String(); got != c.want {
			t.Errorf("%T %v, want %q", c.v, got, c.want)
		}
	}
	if !FlavourPCISF.PCI() || FlavourVirtual.PCI() || !FlavourDSA.Numbered() || FlavourPCIPF.Numbered() {
		t.Error("flavours are taken for what they are not")
	}
}
