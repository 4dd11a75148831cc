package bridge_test

import (
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// TestEditEndsWithItsPort: an entry in all VLANs of a port, which leaves while the device is
// told of one of them: none is made for a port that is gone, or for who has its number next.
func TestEditEndsWithItsPort(t *testing.T) {
	ended := 0
	for k := range 12 {
		for _, again := range []bool{false, true} {
			w, dev := vlanRig(t)
			var others []ticket
			asked := dev.count(func(n int, _ string) error {
				if n == k+1 {
					others = append(others, w.b.SubmitRemovePort(1))
					if again {
						others = append(others, w.b.SubmitAddPort(on(dev, 1)))
					}
				}
				return nil
			})
			edit := fdb.Op{Verb: fdb.VerbReplace, Entry: fdb.Entry{Key: fdb.Key{MAC: stationA}, Port: 1, Flags: fdb.Static}}
			err := w.do(w.b.SubmitEdit(edit))
			if len(*asked) <= k { // it was not told so often
				continue
			}
			dev.count(nil)
			for _, o := range others {
				w.must(o)
			}
			if err != nil {
				ended++
				w.is(err, switchdev.ErrNoDevice)
			}
			w.in(10, stationA, -1)
			for e := range w.b.Table().All() {
				if e.MAC == stationA {
					t.Errorf("port leaves at call %d, comes again %v: %v is there", k, again, e)
				}
			}
			w.fits(dev)
		}
	}
	if ended == 0 {
		t.Error("no port left in time")
	}
}
