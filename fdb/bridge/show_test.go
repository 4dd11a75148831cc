package bridge_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// The texts are those that iproute2 6.1 printed on Linux 6.18 for such entries,
// put in order.
func TestListingIsThatOfIproute2(t *testing.T) {
	dev := newFake("sw0")
	cfg := withDevice(dev)
	cfg.MAC, cfg.Table.Ageing = mac(0xfe), ageing
	w := newWorld(t, cfg, 2)
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.entry(mac(1), 2, fdb.Static|fdb.Sticky)
	w.entry(mac(2), 2, fdb.Extern)
	w.entry(mac(4), 1, fdb.Static)
	w.must(w.b.Table().SubmitReplace(fdb.Entry{Key: fdb.Key{MAC: mac(1), VLAN: 10}, Port: 2, Flags: fdb.Permanent}))
	w.goes(2, broadcast, mac(3), flooded, 0, 1)
	const text = `02:00:00:00:00:fe dev br0 offload master br0 permanent
02:00:00:00:00:04 dev p1 offload master br0 static
02:00:00:00:01:01 dev p1 offload master br0 permanent
02:00:00:00:00:01 dev p2 sticky master br0 static
02:00:00:00:00:01 dev p2 vlan 10 offload master br0 permanent
02:00:00:00:00:02 dev p2 extern_learn master br0 ` + `
02:00:00:00:00:03 dev p2 master br0 ` + `
02:00:00:00:01:02 dev p2 offload master br0 permanent
`
	if got := w.show(); got != text {
		t.Errorf("listing is\n%s, want\n%s", got, text)
	}
	var out strings.Builder
	if err := w.b.WriteFDBJSON(&out); err != nil {
		t.Fatal(err)
	}
	const first = `[{"mac":"02:00:00:00:00:fe","ifname":"br0","flags":["offload"],"master":"br0","state":"permanent"},`
	const tagged = `{"mac":"02:00:00:00:00:01","ifname":"p2","vlan":10,"flags":["offload"],"master":"br0","state":"permanent"},`
	const dynamic = `{"mac":"02:00:00:00:00:03","ifname":"p2","flags":[],"master":"br0","state":""},`
	got := out.String()
	if !strings.HasPrefix(got, first) || !strings.Contains(got, tagged+`{`) || !strings.Contains(got, dynamic) || !strings.HasSuffix(got, "}]\n") {
		t.Errorf("JSON is %s", got)
	}
	var all []map[string]any
	if err := json.Unmarshal([]byte(got), &all); err != nil || len(all) != 8 {
		t.Errorf("%d objects, %v", len(all), err)
	}
}

func TestEmptyListing(t *testing.T) {
	w := newWorld(t, bridge.Config{})
	var out strings.Builder
	if err := w.b.WriteFDBJSON(&out); err != nil || out.String() != "[]\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if w.show() != "" {
		t.Error("text is not empty")
	}
	if (switchdev.MAC{}) != w.b.MAC() {
		t.Errorf("a bridge without ports has %v", w.b.MAC())
	}
}
