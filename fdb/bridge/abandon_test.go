package bridge_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// TestPortJoinsWhileTheLastOneLeaves has a device be slow in each step of its last
// port's leaving, and another port join meanwhile: in the end the device knows of the
// bridge what it is to know, whoever of the two came last.
func TestPortJoinsWhileTheLastOneLeaves(t *testing.T) {
	for _, what := range []string{"leave", "vlan-delete", "attributes"} {
		for name, answer := range map[string]error{"done": nil, "refused": switchdev.ErrNoSpace, "unknown": errDone} {
			for _, mends := range []bool{false, true} {
				kind := " joins"
				if mends {
					kind = " is mended"
				}
				t.Run(what+" "+name+kind, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { joinsMeanwhile(t, what, answer, mends) })
				})
			}
		}
	}
}

func joinsMeanwhile(t *testing.T, what string, answer error, mends bool) {
	dev := newFull("sw0")
	dev.lenient = true
	b, err := bridge.New(filteringOn(dev))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	w := &rig{&world{t: t, b: b}, switchdev.EtherTypeVLAN}
	if err := errors.Join(b.AddVLANs(t.Context(), 0, vlanSet(10, 20, 30), 0), b.AddPort(t.Context(), on(dev, 1))); err != nil {
		t.Fatal(err)
	}
	release := dev.hang(what, answer)
	leaving := b.SubmitRemovePort(1)
	synctest.Wait()
	select {
	case <-leaving.Done():
		t.Fatalf("%s is no step of it", what)
	default:
	}
	joining := b.SubmitAddPort(on(dev, 2))
	synctest.Wait()
	release()
	if mends {
		dev.reset()
	}
	_ = leaving.Wait(t.Context())
	if err := joining.Wait(t.Context()); err != nil {
		t.Fatalf("the other does not join: %v", err)
	}
	dev.refusing(nil)
	time.Sleep(time.Hour) // and what was in doubt is mended
	w.fits(dev)
}

// TestCloseAsksOnceMoreForWhatIsInDoubt: a device does not say whether a port has left it;
// Close takes the port, and with it the bridge, out of the device.
func TestCloseAsksOnceMoreForWhatIsInDoubt(t *testing.T) {
	for name, answer := range map[string]error{"it had": errDone, "it had not": switchdev.ErrOutcomeUnknown} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dev := newFull("sw0")
				dev.lenient = true
				b, err := bridge.New(filteringOn(dev))
				if err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(b.AddPort(t.Context(), on(dev, 1)), b.AddPort(t.Context(), on(dev, 2))); err != nil {
					t.Fatal(err)
				}
				first := true
				dev.refusing(func(what string, id switchdev.PortID) error {
					if what != "leave" || id != 1 || !first {
						return nil
					}
					first = false
					return answer
				})
				if err := b.RemovePort(t.Context(), 1); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
					t.Errorf("error %v", err)
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
				if has := dev.has(); has != "\n" {
					t.Errorf("left over: %s", has)
				}
			})
		})
	}
}
