package bridge_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// A bridge with three ports learns two stations. Time is the program's, so that
// the output is always the same.
func Example() {
	now := begin
	b, err := bridge.New(bridge.Config{Name: "br0", Manual: true, Start: now})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	var joined []*bridge.Ticket
	for id := switchdev.PortID(1); id <= 3; id++ {
		joined = append(joined, b.SubmitAddPort(bridge.PortConfig{
			ID: id, Name: "p" + id.String(), MAC: switchdev.MAC{2, 0, 0, 0, 0, byte(id)},
		}))
	}
	b.Poll(now)
	for _, k := range joined {
		if err := k.Wait(context.Background()); err != nil {
			log.Fatal(err)
		}
	}

	ask := append([]byte{0x02, 0, 0, 0, 0, 0xbb, 0x02, 0, 0, 0, 0, 0xaa}, 0x08, 0x00)
	answer := append([]byte{0x02, 0, 0, 0, 0, 0xaa, 0x02, 0, 0, 0, 0, 0xbb}, 0x08, 0x00)
	var out bridge.Egress
	v := b.Forward(1, ask, &out)
	fmt.Println(v.Class, v.Reason, out.Ports())
	v = b.Forward(3, answer, &out)
	fmt.Println(v.Class, v.Reason, out.Ports())

	b.Poll(now)
	var listing strings.Builder
	if err := b.WriteFDB(&listing); err != nil {
		log.Fatal(err)
	}
	fmt.Print(strings.ReplaceAll(listing.String(), " \n", "\n")) // iproute2's space at the end
	// Output:
	// unknown-unicast flooded [2 3]
	// unicast forwarded [1]
	// 02:00:00:00:00:01 dev p1 master br0 permanent
	// 02:00:00:00:00:aa dev p1 master br0
	// 02:00:00:00:00:02 dev p2 master br0 permanent
	// 02:00:00:00:00:03 dev p3 master br0 permanent
	// 02:00:00:00:00:bb dev p3 master br0
}
