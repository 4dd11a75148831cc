package devlinkarea

import (
	"context"
	"fmt"
	"slices"

	"github.com/switchcore/switchcore/devlink"
)

// handleOf names instance n.
func handleOf(n int) devlink.Handle {
	return devlink.Handle{Bus: "pci", Device: fmt.Sprintf("%04x:%02x:%02x.%x", n>>16, n>>8&0xff, n>>3&0x1f, n&7)}
}

// portsOf returns the ports of an instance.
func portsOf(count int) []devlink.PortInfo {
	ports := make([]devlink.PortInfo, count)
	for i := range ports {
		ports[i] = devlink.PortInfo{
			Index: uint32(i), Number: uint32(i + 1), Flavour: devlink.FlavourPhysical, Type: devlink.PortEth,
			Netdev: fmt.Sprintf("swp%d", i+1), NetdevIndex: uint32(i + 10), Lanes: 4, Splittable: true,
		}
	}
	return ports
}

// chip is the driver of an instance: all it has are its ports, which are those of
// every other.
type chip struct{ ports []devlink.PortInfo }

func (c *chip) Name() string { return "chip" }

func (c *chip) Close() error { return nil }

// Reloads implements [devlink.Reloader].
func (c *chip) Reloads() devlink.ReloadCapabilities {
	return devlink.ReloadCapabilities{Actions: devlink.ActionsOf(devlink.ActionDriverReinit)}
}

// ReloadDown implements [devlink.Reloader]: it removes the ports, the last first.
func (c *chip) ReloadDown(_ context.Context, l *devlink.Locked, _ devlink.Reload) error {
	for _, p := range slices.Backward(c.ports) {
		if err := l.RemovePort(p.Index); err != nil {
			return err
		}
	}
	return nil
}

// ReloadUp implements [devlink.Reloader].
func (c *chip) ReloadUp(_ context.Context, l *devlink.Locked, _ devlink.Reload) (devlink.ReloadActions, error) {
	return devlink.ActionsOf(devlink.ActionDriverReinit), c.add(l)
}

func (c *chip) add(l *devlink.Locked) error {
	for _, p := range c.ports {
		if err := l.AddPort(p); err != nil {
			return err
		}
	}
	return nil
}

// build makes instances with their ports, which nobody can see.
func (c *chip) build(r *devlink.Registry, count int) ([]*devlink.Instance, error) {
	list := make([]*devlink.Instance, count)
	for n := range list {
		i, err := r.NewInstance(devlink.InstanceConfig{Handle: handleOf(n), Driver: c})
		if err != nil {
			return nil, err
		}
		ticket := i.SubmitDo(func(_ context.Context, l *devlink.Locked) error { return c.add(l) })
		if err := finish(r, ticket); err != nil {
			return nil, err
		}
		list[n] = i
	}
	return list, nil
}
