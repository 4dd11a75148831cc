package show_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
	"github.com/switchcore/switchcore/switchdev"
)

// recordedPorts are those of the messages of record.py.
func recordedPorts() (sim, pci []devlink.PortInfo) {
	mac := devlink.HWAddrOf(switchdev.MAC{0, 0, 0x5e, 0, 0x53, 1})
	long := make([]byte, 20)
	for i := range long {
		long[i] = byte(i)
	}
	eth, ib := devlink.PortEth, devlink.PortIB
	sim = []devlink.PortInfo{
		{Index: 0, Type: eth, Netdev: "eth0", NetdevIndex: 7, Flavour: devlink.FlavourPhysical, Number: 1},
		{Index: 1, Flavour: devlink.FlavourPhysical, Number: 2, Lanes: 4, Splittable: true},
		{Index: 2, Type: devlink.PortAuto, DesiredType: ib},
		{Index: 3, Type: ib, DesiredType: ib, Extra: &devlink.PortExtra{IBDev: "mlx5_0"}},
		{Index: 4, Type: eth, DesiredType: eth, Netdev: "swp1s1", Flavour: devlink.FlavourPhysical, Number: 1, Split: true, Subport: 1, Lanes: 1,
			Extra: &devlink.PortExtra{Linecard: 8, OnLinecard: true}},
		{Index: 5, Flavour: devlink.FlavourCPU, Number: 5},
		{Index: 6, Flavour: devlink.FlavourDSA, Number: 6},
	}
	pci = []devlink.PortInfo{
		{Index: 7, Type: eth, Netdev: "pf0", Flavour: devlink.FlavourPCIPF, PCI: &devlink.PCIFunction{}, Function: &devlink.PortFunction{HWAddr: mac}},
		{Index: 8, Type: eth, Netdev: "pf0vf3", Flavour: devlink.FlavourPCIVF, PCI: &devlink.PCIFunction{Controller: 1, VF: 3, External: true}},
		{Index: 9, Type: eth, Netdev: "pf0sf88", Flavour: devlink.FlavourPCISF, PCI: &devlink.PCIFunction{PF: 1, SF: 88},
			Function: &devlink.PortFunction{HWAddr: mac, State: devlink.FunctionInactive, OpState: devlink.FunctionDetached}},
		{Index: 10, Flavour: devlink.FlavourPCISF, PCI: &devlink.PCIFunction{PF: 1, SF: 89},
			Function: &devlink.PortFunction{State: devlink.FunctionActive, OpState: devlink.FunctionAttached}},
		{Index: 11, Type: ib, Flavour: devlink.FlavourVirtual, Function: &devlink.PortFunction{HWAddr: devlink.HWAddr(long)}},
		{Index: 12, Flavour: devlink.FlavourUnused, Function: &devlink.PortFunction{}},
	}
	return sim, pci
}

func TestPortsOfAllKindsAreShown(t *testing.T) {
	sim, pci := recordedPorts()
	reg, err := devlink.New(devlink.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	for _, c := range []struct {
		h     devlink.Handle
		ports []devlink.PortInfo
	}{{devlink.Handle{Bus: "netdevsim", Device: "netdevsim1"}, sim}, {devlink.Handle{Bus: "pci", Device: "0000:01:00.0"}, pci}} {
		i, err := reg.NewInstance(devlink.InstanceConfig{Handle: c.h})
		if err != nil {
			t.Fatal(err)
		}
		err = i.Do(t.Context(), func(ctx context.Context, l *devlink.Locked) error {
			var errs []error
			for _, p := range c.ports {
				errs = append(errs, l.AddPort(p))
			}
			return errors.Join(errs...)
		})
		if err := errors.Join(err, i.Register(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	all := outputs(t, tool)
	i := slices.IndexFunc(all, func(o output) bool { return o.what() == "port show" })
	rows := slices.Collect(show.View{}.Rows(reg.Snapshot(), "", show.Ports))
	for _, o := range all[i : i+3] {
		if got := print(t, show.Ports, o.format(), rows); got != o.text {
			t.Errorf("got\n%s\nwant\n%s", got, o.text)
		}
	}
}

// What the recorded tool does not know is as its later versions describe it.
func TestFunctionsAreShownWithAllThatTheyHave(t *testing.T) {
	life := &devlink.Life{Handle: devlink.Handle{Bus: "pci", Device: "0000:08:00.0"}}
	sf := devlink.Handle{Bus: "auxiliary", Device: "mlx5_core.sf.2"}
	port := &devlink.PortInfo{
		Index: 32768, Type: devlink.PortEth, Netdev: "eth2", Flavour: devlink.FlavourPCISF, PCI: &devlink.PCIFunction{SF: 106},
		Function: &devlink.PortFunction{
			HWAddr: devlink.HWAddrOf(switchdev.MAC{}), State: devlink.FunctionActive, OpState: devlink.FunctionAttached,
			Known: devlink.FunctionRoCE | devlink.FunctionMigratable, Caps: devlink.FunctionRoCE,
			HasMaxIOEQs: true, MaxIOEQs: 8, Nested: &devlink.NestedIn{Handle: sf, Namespace: "ns1"},
		},
	}
	const head = "pci/0000:08:00.0/32768: type eth netdev eth2 flavour pcisf controller 0 pfnum 0 sfnum 106 external false splittable false\n" +
		"  function:\n    hw_addr 00:00:00:00:00:00 state active opstate attached roce enable migratable disable max_io_eqs 8\n"
	nest := func() string {
		return print(t, show.Ports, show.Text, []show.Row{show.View{Recent: true}.FromPort(life, port)})
	}
	if got, want := nest(), head+"      nested_devlink:\n        auxiliary/mlx5_core.sf.2: netns ns1\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	port.Function.Nested.Namespace = ""
	if got, want := nest(), head+"      nested_devlink:\n        auxiliary/mlx5_core.sf.2\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	life.Namespace = "ns1"
	if got, want := nest(), head+"      nested_devlink:\n        auxiliary/mlx5_core.sf.2: netnsid unknown\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := print(t, show.Ports, show.Text, []show.Row{show.View{}.FromPort(life, port)}); got != head {
		t.Errorf("%s", got)
	}
	if got := print(t, show.Ports, show.Members, []show.Row{show.View{Recent: true}.FromPort(life, port)}); !strings.Contains(got, `"nested_devlink":{"auxiliary/mlx5_core.sf.2":{"netnsid":-1}}`) {
		t.Errorf("%s", got)
	}
	life.Namespace = ""
	dev := show.View{Recent: true}.FromInstance(life, &devlink.InstanceInfo{Nested: []devlink.NestedIn{{Handle: sf}}})
	dev.Index = show.Number{}
	if got, want := print(t, show.Devs, show.Text, []show.Row{dev}), "pci/0000:08:00.0:\n  nested_devlink:\n    auxiliary/mlx5_core.sf.2\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestParameterValuesHaveTheWordsOfTheTool(t *testing.T) {
	h := devlink.Handle{Bus: "netdevsim", Device: "netdevsim1"}
	of := func(name string, generic bool, typ devlink.ParamType, m devlink.ParamMode, v devlink.ParamValue) string {
		r, ok := show.View{}.FromParam(h, &devlink.ParamInfo{
			Name: name, Generic: generic, Type: typ, Modes: m, Values: []devlink.ParamSetting{{Mode: m, Value: v}},
		})
		if !ok {
			return "none"
		}
		return print(t, show.Params, show.Members, []show.Row{r})
	}
	for got, want := range map[string]string{
		of("fw_load_policy", true, devlink.ParamUint8, devlink.ParamPermanent, devlink.Uint8Value(1)):           `"generic","values":[{"cmode":"permanent","value":"flash"}]`,
		of("fw_load_policy", true, devlink.ParamUint8, devlink.ParamPermanent, devlink.Uint8Value(9)):           `"generic","values":[{"cmode":"permanent"}]`,
		of("reset_dev_on_drv_probe", true, devlink.ParamUint8, devlink.ParamRuntime, devlink.Uint8Value(3)):     `"generic","values":[{"cmode":"runtime","value":"disk"}]`,
		of("text", false, devlink.ParamString, devlink.ParamRuntime, devlink.StringValue("a")):                  `"driver-specific","values":[{"cmode":"runtime","value":"a"}]`,
		of("wide", false, devlink.ParamUint64, devlink.ParamRuntime, devlink.Uint64Value(18446744073709551615)): `{"cmode":"runtime","value":18446744073709551615}`,
		of("unset", false, devlink.ParamUint32, devlink.ParamDriverInit, devlink.ParamValue{}):                  "none",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Where a size cannot be chosen its limits are not shown.
func TestFixedResourcesHaveNoLimits(t *testing.T) {
	reg, err := devlink.New(devlink.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	i, err := reg.NewInstance(devlink.InstanceConfig{Handle: ab.Handle})
	if err != nil {
		t.Fatal(err)
	}
	err = i.Do(t.Context(), func(ctx context.Context, l *devlink.Locked) error {
		return l.AddResource(devlink.ResourceConfig{ID: 1, Name: "span_agents", Size: 3, Min: 3, Max: 3, Occupancy: func() uint64 { return 0 }})
	})
	if err := errors.Join(err, i.Register(t.Context())); err != nil {
		t.Fatal(err)
	}
	got := print(t, show.Resources, show.Text, slices.Collect(show.View{}.Rows(reg.Snapshot(), "", show.Resources)))
	want := "  name span_agents size 3 occ 0 unit entry dpipe_tables none\n"
	if got != "a/b:\n"+want || !strings.Contains(tool, want) {
		t.Errorf("%q", got)
	}
}
