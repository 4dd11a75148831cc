package bridge

import (
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// TestTableOfABridgeReadsItsDevice: who owns a bridge names the driver that he gave it, and
// not what the bridge puts before it to tell the lives of its ports apart.
func TestTableOfABridgeReadsItsDevice(t *testing.T) {
	chip, err := hwsim.New(hwsim.Config{Manual: true, Ports: []hwsim.PortConfig{{ID: 1}, {ID: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	defer chip.Close()
	b, err := New(Config{Manual: true, Hardware: Hardware{Devices: []Device{{Driver: chip, Domain: 7}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	start := b.cfg.Start
	chip.Poll(start)
	settle := func() {
		for range 100 {
			chip.Poll(start)
			b.Poll(start)
		}
	}
	key := fdb.Key{MAC: switchdev.MAC{2, 5: 9}}
	add := b.SubmitAddPort(PortConfig{ID: 1, MAC: switchdev.MAC{2, 5: 1}, Driver: chip})
	settle()
	entry := b.Table().SubmitAdd(fdb.Entry{Key: key, Port: 1, Flags: fdb.Static})
	settle()
	if add.Err() != nil || entry.Err() != nil || !chip.DropRow(7, key) {
		t.Fatalf("%v, %v, or no row", add.Err(), entry.Err())
	}
	k := b.Table().SubmitReconcile(chip)
	settle()
	if k.Err() != nil || k.Count() != 1 || !chip.DropRow(7, key) {
		t.Errorf("%v, %d rows differ, or the row is not there again", k.Err(), k.Count())
	}
	if k := b.Table().SubmitReconcile(nil); k.Err() == nil {
		t.Error("nothing is a device")
	}
}
