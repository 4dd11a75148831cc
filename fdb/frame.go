package fdb

import (
	"encoding/binary"

	"github.com/switchcore/switchcore/switchdev"
)

// FrameKeys returns the keys of the stations that an Ethernet frame goes to and comes
// from, in VLAN v: data is the frame from its destination address on, and panics if
// there are fewer than 14 bytes. Whether a frame is to be learned from is still to be
// asked; [Table.Learn] ignores what no station is.
//
// It is faster than two keys that are put together of their parts, which the table
// would read before the processor has written them: ours, since the kernel's key lies
// in the frame's own header.
func FrameKeys(data []byte, v switchdev.VLAN) (dst, src Key) {
	_ = data[13]
	const address = 1<<48 - 1
	vlan := uint64(v) << 48
	setRaw(&dst, binary.LittleEndian.Uint64(data)&address|vlan)
	setRaw(&src, binary.LittleEndian.Uint64(data[6:])&address|vlan)
	return dst, src
}
